#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-own-settings-7b2823b7
#$ -l node_q=1
#$ -l h_rt=2:50:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/own-settings.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  default version 1.2 (manifests/models/lab/small-8B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 2:50:00, 0:15:16 of it to start
#   cost      about 0.2268, at most 0.5666 points; 35 JPY at most (prices of 2026-08-25)
#   tasks     3, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval ef9ca8136093
#     en_code                   1:00:00   eval 5a1090745e83
#     ja_exact                  0:30:00   eval 7a9ece5c7933
#   advice    the model's own defaults apply where a request says nothing: temperature=0.6 (generation_config: vllm turns them off)
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-own-settings-7b2823b7"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 10200
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

[[tasks]]
key = "en_choice"
digest = "ef9ca8136093b43aa19c041996d64d8c6dd19fa9f9911a1a20b0fe96b7cae145"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
relay = '{"add": {"min_p": 0.05, "top_k": 40}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 512, "min_p": 0.05, "repetition_penalty": 1.05, "seed": 42, "temperature": 0.6, "top_k": 40, "top_p": 0.95}}'
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
    max_new_tokens: 512
    seed: 42
    repetition_penalty: 1.05
"""

[[tasks]]
key = "en_code"
digest = "5a1090745e833e9b9c233fcf0b5752db7c31818d516f82ec7b19f777c19d99d5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|humaneval|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
code_execution = "fenced"
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 1024, "seed": 42, "stop": ["\nclass", "\ndef"], "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 1024
    top_p: 0.95
    seed: 42
    stop_tokens:
    - '

      class'
    - '

      def'
"""

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "7a9ece5c7933f3ef21e602b39608919c72ffdd7c18e6d9b5a10a995e4d1e9ce8"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 512, "seed": 42, "temperature": 0.6, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 512
    temperature: 0.6
    top_p: 0.95
    seed: 42
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
