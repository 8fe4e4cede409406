#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-openai-74c54dca
#$ -l cpu_16=1
#$ -l h_rt=9:20:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/openai.yaml; change that file, not this one.
#
#   model     openai/gpt-test-2025-01-31
#   served by https://api.openai.com/v1
#   runs on   tsubame, cpu_16, no GPU
#   time      at most 9:20:00, 0:15:00 of it to start
#   cost      about 0.4445, at most 0.448 points; 28 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_judged                 8:00:00   eval 15c0ff5fe52a
#     en_choice                 1:00:00   eval b253d0dae79a
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-openai-74c54dca"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 33600
drain_seconds = 120
start_seconds = 900
parallel_tasks = 32
admit = "7"
admit_most = 14
secrets = ["OPENAI_API_KEY"]

[node]
gpus = 0
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

[server]
served_name = "openai/gpt-test-2025-01-31"
base_url = "https://api.openai.com/v1"
key_variable = "OPENAI_API_KEY"
litellm_prefix = "OPENAI"

[each_task]
subsets = 1

[[tasks]]
key = "ja_judged"
seconds = 28800
digest = "15c0ff5fe52a1520f8ca1f277bdd75210332a9d6825685eafa12267cc517d94a"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|japanese_mt_bench|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "7", "REQUEST_TIMEOUT" = "1200"}
secrets = ["OPENAI_API_KEY"]
relay = '{"add": {}, "length_key": "max_completion_tokens", "request_timeout": 1200}'
config = """
model:
  base_params:
    model_name: openai/gpt-test-2025-01-31
  generation: {}
"""

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "b253d0dae79affed7dbaa892b6da3fede81afe5b38c2d42b7fd63c23798d943f"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}, "request_timeout": 1200}'
config = """
model_parameters:
  model_name: openai/gpt-test-2025-01-31
  concurrent_requests: 7
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 1200
  generation_parameters:
    temperature: 0.0
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
