"""One module per command: `run(arguments) -> exit code`. They combine stages; the work is in the other packages.

A module has the name of its command, but for `evalctl results accept` (`accept`), `evalctl results rebuild` (`rebuild`), `evalctl new task`
(`new_task`), `evalctl import` (`import_lab`) and `evalctl import results` (`import_results`).
"""
