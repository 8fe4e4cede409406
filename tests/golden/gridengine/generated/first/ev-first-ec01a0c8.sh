#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-first-ec01a0c8
#$ -l node_q=1
#$ -l h_rt=3:20:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/first.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  default version 1.2 (manifests/models/lab/small-8B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 3:20:00, 0:15:16 of it to start
#   cost      about 0.2615, at most 0.6666 points; 42 JPY at most (prices of 2026-08-25)
#   tasks     4, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval cf1709d9eb8d
#     en_code                   1:00:00   eval 0496a18a5689
#     ja_exact                  0:30:00   eval fe27abf199e3
#     ja_subset                 0:30:00   eval 2fcb72ba31bf
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-first-ec01a0c8"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 12000
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 244

[node]
gpus = 1
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

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
seconds = 3600
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.6, "top_p": 0.95}}'
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
key = "en_choice"
digest = "cf1709d9eb8d009678910e8ea4769a69e04d58f386425291d12fac911e140a36"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
config = """
model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 61
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

[[tasks]]
key = "en_code"
digest = "0496a18a5689f6736ee2dd57fa4a58151715a76045e38697ef6de6b6445ada17"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|humaneval|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
code_execution = "fenced"
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.2, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 2048
    temperature: 0.2
    top_p: 0.95
"""

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "fe27abf199e3afc1d6fed9dae07604d00545d9ce4eda39810cda888e5e4387e4"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}

[[tasks]]
key = "ja_subset"
seconds = 1800
digest = "2fcb72ba31bf05e26a1ac8284adca7bb92a89d3747407752d3d5e11a94dea832"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|wmt20:en-ja|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
