"""Finds mistakes in single files and in names, before anything is planned.

`codes` lists every diagnostic · `schema` checks the form of one document, `wording` and `value_wording` word its messages · `catalogue`, `services`
(`service_words`: what services may add to a submit command), `suites`, `models`, `providers` check the files that requests refer to ·
`framework_tasks` finds tasks that the framework lacks · `metrics` compares metrics.yaml with the tasks · `references` checks names in
a request, `service_references` those of its service, `unknown_names` words their findings · `gates` checks gates, `policy` the policy · `conflicts` compares requests · `secrets` finds secret-shaped text · `parser_plugins` and `server_files` check texts that
the server reads · `explain/*.md` has a page per code. `plan/rules.py` finds what cannot work on a service.
"""
