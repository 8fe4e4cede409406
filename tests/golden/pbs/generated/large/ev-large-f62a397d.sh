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
#   cost      about 52.6266, at most 53.3333 points, 53.3333 held from the start; 11,733 JPY at most (prices of 2026-11-23)
#   tasks     2, at most 4 at once, each with the time that it may take:
#     en_choice                 1:00:00   eval bd137112ebd0
#     ja_exact                  2:00:00   eval 72f74a1d70a5
#   advice    64 questions at once per task, not 256: above that the frameworks' HTTP client loses answers or hangs
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-large-f62a397d
WALLTIME_SECONDS=12000
DRAIN_SECONDS=120
START_SECONDS=1041
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(en_choice ja_exact)
FRAMEWORK_ENVIRONMENTS=(lighteval-b2ed8695d5e5 lighteval-swallow-90bb1569e833)
SECRETS=()

GPUS=8
MODULES_INIT=/etc/profile.d/modules.sh
MODULES=(cuda/12.6/12.6.1)
SITE_VARIABLES=(NCCL_DEBUG=WARN)
SCRATCH=('$PBS_LOCALDIR' '/local/$PBS_JOBID')

CHECKPOINT=''
CHECKPOINT_REVISION=''
CHECKPOINT_WHOLE=''
SERVED_NAME=lab/large-70B
SERVER_ENVIRONMENT=vllm-ec8207a3dde6
SERVER_COMMAND=(
  vllm
  serve
  lab/large-70B
  --served-model-name lab/large-70B
  --revision 89abcdef0123456789abcdef0123456789abcdef
  --tokenizer-revision 89abcdef0123456789abcdef0123456789abcdef
  --tensor-parallel-size 8
  --max-model-len 32768
  --gpu-memory-utilization 0.9
  --dtype bfloat16
  --generation-config auto
  --reasoning-parser qwen3
)
SERVER_FILES=()
SERVER_VARIABLES=()
UPSTREAM_URL=''
KEY_VARIABLE=''
LITELLM_PREFIX=HOSTED_VLLM

task_1() {
  TASK=en_choice
  TASK_SECONDS=3600
  DIGEST=bd137112ebd06299c5c4faadd5124fbe5a5cf4045d71b9c3b2ab22a91ade9e96
  MAX_SAMPLES=
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(lighteval endpoint litellm config.yaml 'gsm8k|0' --output-dir output --save-details)
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 16384, "temperature": 0.0}}'
  CONFIG='model_parameters:
  model_name: hosted_vllm/lab/large-70B
  concurrent_requests: 64
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
    max_new_tokens: 16384
'
}

task_2() {
  TASK=ja_exact
  TASK_SECONDS=7200
  DIGEST=72f74a1d70a53d5de6e32c620902c90aee966916e04df26898af241d649009d8
  MAX_SAMPLES=
  FRAMEWORK=lighteval-swallow
  FRAMEWORK_ENVIRONMENT=lighteval-swallow-90bb1569e833
  COMMAND=(
    lighteval
    endpoint
    litellm
    config.yaml
    'swallow|jemhopqa_cot|0|0'
    --use-chat-template
    --output-dir output
    --save-details
  )
  VARIABLES=(LITELLM_CONCURRENT_CALLS=64)
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 16384, "temperature": 0.0}}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/large-70B
  generation:
    max_new_tokens: 16384
    temperature: 0.0
'
}

# … the program: compiler/evalctl/render/job.sh
