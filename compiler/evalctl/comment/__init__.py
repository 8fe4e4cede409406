"""The comment under a pull request: what it changes, what that would cost, and what is wrong.

`body` writes its text from a forecast and findings · `links` leads from a finding to its line in the pull request · `fitting` keeps it
below the platform's limit · `acceptable` says whether a text that came from a pull request may be posted · `api` calls a platform ·
`posting` keeps one comment up to date · `github` finds the pull request of a run and what it uploaded · `gitlab` has the notes of a merge request.
"""
