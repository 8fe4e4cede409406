"""The data that passes between the stages: frozen values without I/O.

`diagnostic` messages for people, `document` data with the place of each part · `plan_file` plan.json · `manifest` the documents people write (pydantic;
`schema/` comes from here), with `fields`, `names` and `hub` (what a value may be), `card`, `metrics`, `gate`, `policy`, `providers`, `service`, `service_words`
and `selection` · `gpus` the bandwidth of their memory · `catalogue` all that requests refer to · `vllm`, `vllm_classes`, `engine`, `parsers` and `marks` what the pinned vLLM knows by name ·
`evaluation` evals, jobs and plans, with `weights`, `walltime` how long a job asks for, `charge` what an attempt costs · `run` what `sync` sees and decides · `result` what was
measured, with its parts (`recorded`) and its `scores`, `aggregate` the lab's form of it, `acceptance` what a person accepted · `plain_json` JSON of unknown origin with
bounded numbers and depth.
"""
