"""From evals to jobs: where each runs, with what server, how long, at what cost.

`placement` GPUs, copies and concurrency · `choice` the node kind by cost, with `prediction` (hours), `speeds` (those that were measured) and `kinds_text` · `places` which
evals share a server, and where it runs · `divisions` among how many GPUs vLLM can divide a model · `rules` what
cannot work, with `reasoning` (parsers), `plugins` (their code) and `refusals` (what vLLM certainly refuses) · `server` the `vllm serve` call · `jobs` grouping, order, splitting,
walltime, with `shards` (tasks that several jobs answer), with `weights` (what is downloaded first) and `questions` (where data sets come from) · `cost` in the service's own unit ·
`advice` what would save money or time, with `asking` and `reminders` · `notes` what holds for a service · `applied` and `filled`
the settings that were given and those that were not · `forecast` what sync would do, with `differences` and `changed_inputs` (why
an eval runs again), and `pages`, its text · `power` what a request will be able to show against its baseline · `summary` plan.json.
"""
