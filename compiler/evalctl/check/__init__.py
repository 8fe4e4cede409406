"""Mistakes in one file or with one name, found before anything is planned.

`codes` every diagnostic · `schema` form of one document · `wording` its messages · `catalogue`, `services` (`service_words`
what they may hand to a submit command), `suites`, `models`, `providers` the files that requests refer to · `framework_tasks` tasks that the
framework does not have · `metrics` metrics.yaml compared with the tasks · `references` names in a request · `conflicts` between
requests · `secrets` secret-shaped text · `parser_plugins` and `server_files` texts that the server reads ·
`explain/*.md` a page per code. What cannot work on a service is found by `plan/rules.py`.
"""
