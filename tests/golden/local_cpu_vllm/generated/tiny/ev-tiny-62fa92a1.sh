#!/bin/bash
# local queue: ev-tiny-62fa92a1, 0 GPU(s), at most 0:30:00
#
# Made by `evalctl compile` from manifests/requests/tiny.yaml; change that file, not this one.
#
#   model     /gs/x at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   served by vllm in vllm-cpu-1ce68f2ed9fd
#   runs on   local, cpu_vllm, no GPU
#   time      at most 0:30:00, 0:10:02 of it to start
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_own                    0:10:00   eval 75d94b05cd13
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-tiny-62fa92a1"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 1800
drain_seconds = 20
start_seconds = 602
parallel_tasks = 32
admit = "auto"
admit_most = 32

[node]
gpus = 0

[checkpoint]
path = "/gs/x"
revision = "fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98"

[server]
served_name = "lab/local-1B"
environment = "vllm-cpu-1ce68f2ed9fd"
command = [
  "vllm", "serve", "/gs/x",
  "--served-model-name", "lab/local-1B",
  "--max-model-len", "8192",
  "--gpu-memory-utilization", "0.2",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
  "--enforce-eager",
]
variables = {"VLLM_CPU_KVCACHE_SPACE" = "1"}
litellm_prefix = "HOSTED_VLLM"

[[tasks]]
key = "en_own"
seconds = 600
digest = "75d94b05cd13124652eb060871b8af39ebd9579ab42b866b4cf26fa083eca616"
max_samples = 10
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
  "--max-samples", "10",
]
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
config = """
model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 8
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
