#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-models-x-settings-6ed5ecc5
#$ -l node_q=1
#$ -l h_rt=0:30:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/models-x-settings.yaml; change that file, not this one.
#
#   model     /gs/x at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 0:30:00, 0:15:02 of it to start
#   cost      about 0.0594, at most 0.1 points; 6 JPY at most (prices of 2026-08-25)
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_own                    0:10:00   eval 45ce84175210
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-models-x-settings-6ed5ecc5"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 1800
drain_seconds = 120
start_seconds = 902
parallel_tasks = 32
admit = "auto"
admit_most = 596

[node]
gpus = 1
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

[checkpoint]
path = "/gs/x"
revision = "fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98"

[server]
served_name = "lab/local-1B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "/gs/x",
  "--served-model-name", "lab/local-1B",
  "--tensor-parallel-size", "1",
  "--max-model-len", "8192",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
litellm_prefix = "HOSTED_VLLM"

[[tasks]]
key = "en_own"
seconds = 600
digest = "45ce84175210a191c7484d061c4a2c3c66e3007a6b566b12dbc194b37ba66b9c"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
]
subsets = 1
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
