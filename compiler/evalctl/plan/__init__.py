"""From evals to jobs: where each runs, with what server, how long, at what cost.

`placement` node kind and tensor parallel size · `divisions` among how many GPUs vLLM can divide a model · `rules` what
cannot work, with `reasoning` (parsers), `plugins` (their code) and `refusals` (what vLLM certainly refuses) · `server` the `vllm serve` call · `jobs` grouping, order, splitting,
walltime · `cost` in the service's own unit · `advice` what would save money or time · `notes` what holds for a service ·
`summary` plan.json.
"""
