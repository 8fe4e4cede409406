"""The comment under a pull request: what it changes, what that would cost, and what is wrong.

`body` writes its text from a forecast and findings · `links` leads from a finding to its line in the pull request · `fitting` keeps it
below the platform's limit · `acceptable` says whether a text that came from a pull request may be posted · `github` calls GitHub's API ·
`posting` finds the pull request of a run and keeps one comment there up to date.
"""
