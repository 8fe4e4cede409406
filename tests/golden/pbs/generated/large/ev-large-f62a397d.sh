#!/bin/bash
#PBS -N ev-large-f62a397d
#PBS -q rt_HF
#PBS -l select=1
#PBS -l walltime=3:20:00
#PBS -j oe
#PBS -k oed
#PBS -r n
#
# Made by `evalctl compile` from manifests/requests/large.yaml; change that file, not this one.
#
#   model     lab/large-70B at 89abcdef0123456789abcdef0123456789abcdef
#   settings  think version 1 (manifests/models/lab/large-70B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   abci, rt_HF, 8 GPUs
#   time      at most 3:20:00, 0:17:21 of it to start
#   cost      about 7.2711, at most 53.3333 points, 53.3333 held from the start; 11,733 JPY at most (prices of 2026-11-23)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_exact                  2:00:00   eval 72f74a1d70a5
#     en_choice                 1:00:00   eval bd137112ebd0
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-large-f62a397d"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 12000
drain_seconds = 120
start_seconds = 1041
parallel_tasks = 32
admit = "auto"
admit_most = 644

[node]
gpus = 8
modules_init = "/etc/profile.d/modules.sh"
modules = ["cuda/12.6/12.6.1"]
variables = {"NCCL_DEBUG" = "WARN"}
scratch = ["$PBS_LOCALDIR", "/local/$PBS_JOBID"]

[server]
served_name = "lab/large-70B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "lab/large-70B",
  "--served-model-name", "lab/large-70B",
  "--revision", "89abcdef0123456789abcdef0123456789abcdef",
  "--tokenizer-revision", "89abcdef0123456789abcdef0123456789abcdef",
  "--tensor-parallel-size", "2",
  "--data-parallel-size", "4",
  "--max-model-len", "32768",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
  "--reasoning-parser", "qwen3",
]
litellm_prefix = "HOSTED_VLLM"

[each_task]
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 16384, "temperature": 0.0}}'

[[tasks]]
key = "ja_exact"
seconds = 7200
digest = "72f74a1d70a53d5de6e32c620902c90aee966916e04df26898af241d649009d8"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "161"}
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/large-70B
  generation:
    max_new_tokens: 16384
    temperature: 0.0
"""

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "bd137112ebd06299c5c4faadd5124fbe5a5cf4045d71b9c3b2ab22a91ade9e96"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
config = """
model_parameters:
  model_name: hosted_vllm/lab/large-70B
  concurrent_requests: 161
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
    max_new_tokens: 16384
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
