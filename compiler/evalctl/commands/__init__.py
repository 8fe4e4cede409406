"""One module per command: `run(arguments) -> exit code`. A command combines stages; the work is done in other packages.

A module has the name of its command, except for `evalctl results accept` (`accept`), `evalctl results compare` (`compare`), `evalctl results rebuild` (`rebuild`), `evalctl results gate` (`gate`), `evalctl results site` (`site`), `evalctl new task`
(`new_task`), `evalctl new gate` (`new_gate`), `evalctl import` (`import_lab`) and `evalctl import results` (`import_results`).
"""
