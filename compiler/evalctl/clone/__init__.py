"""This clone and this machine: the .env, the service, and finding requests and jobs by the names that a person types.

`dotenv` reads the evaluator's `.env`, `dotenv_faults` reports its faults. `requests` finds the repository and
requests by name, `jobs` finds jobs by request, model, task or name. `machine` is the service of this machine with all plans and
the context of a pass. `last_attempts` reads the last failures from the ledger of this clone. `costs` what attempts cost by it, `policy` what the policy says about a change. `base` gathers what differs from
another commit. `gates` checks the gates against manifests and results, `compared` reads the results that they compare, `measured` the
scores that a person names, `predicted` gives a plan the hours of measured runs, `baselines` says what
a request will be able to show beside its baseline. `changing` checks and writes changes to manifests/.
"""
