#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-step-82686429
#$ -l node_q=1
#$ -l h_rt=1:30:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/step.yaml; change that file, not this one.
#
#   model     /gs/bs/it's a run/$(touch owned)/iter 001 at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 1:30:00, 0:15:02 of it to start
#   cost      about 0.1029, at most 0.3 points; 19 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval c4c9440a2c4d
#     en_own                    0:10:00   eval 45ce84175210
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-step-82686429"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 5400
drain_seconds = 120
start_seconds = 902
parallel_tasks = 32
admit = "auto"
admit_most = 596

[node]
gpus = 1
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

[checkpoint]
path = "/gs/bs/it's a run/$(touch owned)/iter 001"
revision = "fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98"

[server]
served_name = "lab/local-1B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "/gs/bs/it's a run/$(touch owned)/iter 001",
  "--served-model-name", "lab/local-1B",
  "--tensor-parallel-size", "1",
  "--max-model-len", "8192",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
litellm_prefix = "HOSTED_VLLM"

[each_task]
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
subsets = 1

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "c4c9440a2c4da55a88af98a8203c479217cc55b2b5321ceb4950c19fd63bf371"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
config = """
model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 149
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 8192
  generation_parameters:
    temperature: 0.0
"""

[[tasks]]
key = "en_own"
seconds = 600
digest = "45ce84175210a191c7484d061c4a2c3c66e3007a6b566b12dbc194b37ba66b9c"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
config = """
model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 149
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 8192
  generation_parameters:
    temperature: 0.0
    max_new_tokens: 64
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
