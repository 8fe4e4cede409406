#!/bin/bash
#PBS -N ev-debug-df30fe8f
#PBS -q rt_HG
#PBS -l select=1
#PBS -l walltime=1:00:00
#PBS -j oe
#PBS -k oed
#PBS -r n
#
# Made by `evalctl compile` from manifests/requests/debug.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  default version 1.2 (manifests/models/lab/small-8B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   abci, rt_HG, 1 GPU
#   time      at most 1:00:00, 0:15:16 of it to start
#   cost      about 0.9983, at most 3 points, 3 held from the start; 660 JPY at most (prices of 2026-11-23)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_exact                  0:30:00   eval 1aaab8558308
#     en_own                    0:10:00   eval 215c63a1c3e8
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-debug-df30fe8f"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 3600
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 404

[node]
gpus = 1
modules_init = "/etc/profile.d/modules.sh"
modules = ["cuda/12.6/12.6.1"]
variables = {"NCCL_DEBUG" = "WARN"}
scratch = ["$PBS_LOCALDIR", "/local/$PBS_JOBID"]

[server]
served_name = "lab/small-8B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "lab/small-8B",
  "--served-model-name", "lab/small-8B",
  "--revision", "0123456789abcdef0123456789abcdef01234567",
  "--tokenizer-revision", "0123456789abcdef0123456789abcdef01234567",
  "--tensor-parallel-size", "1",
  "--max-model-len", "32768",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
litellm_prefix = "HOSTED_VLLM"

[each_task]
max_samples = 5
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.6, "top_p": 0.95}}'

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "1aaab85583084549ff4806016136e51f26afcdf9b93112ae9320dc120c66fcf9"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
  "--max-samples", "5",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "101"}
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 2048
    temperature: 0.6
    top_p: 0.95
"""

[[tasks]]
key = "en_own"
seconds = 600
digest = "215c63a1c3e84f7b44317ef68d2b45ede3151fe34542e8896a415035b9575804"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
  "--max-samples", "5",
]
config = """
model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 101
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.6
    top_p: 0.95
    max_new_tokens: 2048
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
