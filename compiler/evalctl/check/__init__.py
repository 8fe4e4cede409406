"""Mistakes in one file or with one name, found before anything is planned.

`codes` every diagnostic · `schema` form of one document · `wording` its messages · `catalogue`, `services`, `suites`, `models` the
files that requests refer to · `references` names in a request · `conflicts` between requests · `secrets` secret-shaped text ·
`parser_plugins` and `server_files` texts that the server reads ·
`explain/*.md` a page per code. What cannot work on a service is found by `plan/rules.py`.
"""
