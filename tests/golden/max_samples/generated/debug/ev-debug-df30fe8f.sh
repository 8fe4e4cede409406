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
#   cost      about 2.7633, at most 3 points, 3 held from the start; 660 JPY at most (prices of 2026-11-23)
#   tasks     2, at most 4 at once, each with the time that it may take:
#     en_own                    0:10:00   eval 215c63a1c3e8
#     ja_exact                  0:30:00   eval 1aaab8558308
#   advice    64 questions at once per task, not 101: above that the frameworks' HTTP client loses answers or hangs
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-debug-df30fe8f
WALLTIME_SECONDS=3600
DRAIN_SECONDS=120
START_SECONDS=916
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(en_own ja_exact)
FRAMEWORK_ENVIRONMENTS=(lighteval-b2ed8695d5e5 lighteval-swallow-90bb1569e833)
SECRETS=()

GPUS=1
MODULES_INIT=/etc/profile.d/modules.sh
MODULES=(cuda/12.6/12.6.1)
SITE_VARIABLES=(NCCL_DEBUG=WARN)
SCRATCH=('$PBS_LOCALDIR' '/local/$PBS_JOBID')

CHECKPOINT=''
CHECKPOINT_REVISION=''
CHECKPOINT_WHOLE=''
SERVED_NAME=lab/small-8B
SERVER_ENVIRONMENT=vllm-ec8207a3dde6
SERVER_COMMAND=(
  vllm
  serve
  lab/small-8B
  --served-model-name lab/small-8B
  --revision 0123456789abcdef0123456789abcdef01234567
  --tokenizer-revision 0123456789abcdef0123456789abcdef01234567
  --tensor-parallel-size 1
  --max-model-len 32768
  --gpu-memory-utilization 0.9
  --dtype bfloat16
  --generation-config auto
)
SERVER_FILES=()
SERVER_VARIABLES=()
UPSTREAM_URL=''
KEY_VARIABLE=''
LITELLM_PREFIX=HOSTED_VLLM

task_1() {
  TASK=en_own
  TASK_SECONDS=600
  DIGEST=215c63a1c3e84f7b44317ef68d2b45ede3151fe34542e8896a415035b9575804
  MAX_SAMPLES=5
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(
    lighteval
    endpoint
    litellm
    config.yaml
    'demo_arithmetic|0'
    --output-dir output
    --save-details
    --custom-tasks evalctl_tasks.tasks
    --max-samples 5
  )
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.6, "top_p": 0.95}}'
  CONFIG='model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 64
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.6
    top_p: 0.95
    max_new_tokens: 2048
'
}

task_2() {
  TASK=ja_exact
  TASK_SECONDS=1800
  DIGEST=1aaab85583084549ff4806016136e51f26afcdf9b93112ae9320dc120c66fcf9
  MAX_SAMPLES=5
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
    --max-samples 5
  )
  VARIABLES=(LITELLM_CONCURRENT_CALLS=64)
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.6, "top_p": 0.95}}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 2048
    temperature: 0.6
    top_p: 0.95
'
}

# … the program: compiler/evalctl/render/job.sh
