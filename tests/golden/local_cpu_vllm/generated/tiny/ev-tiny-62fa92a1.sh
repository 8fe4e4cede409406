#!/bin/bash
# local queue: ev-tiny-62fa92a1, 0 GPU(s), at most 0:30:00
#
# Made by `evalctl compile` from manifests/requests/tiny.yaml; change that file, not this one.
#
#   model     /gs/x at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   served by vllm in vllm-cpu-1ce68f2ed9fd
#   runs on   local, cpu_vllm, no GPU
#   time      at most 0:30:00, 0:10:02 of it to start
#   tasks     1, at most 4 at once, each with the time that it may take:
#     en_own                    0:10:00   eval 75d94b05cd13
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-tiny-62fa92a1
WALLTIME_SECONDS=1800
DRAIN_SECONDS=20
START_SECONDS=602
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(en_own)
FRAMEWORK_ENVIRONMENTS=(lighteval-b2ed8695d5e5)
SECRETS=()

GPUS=0
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=()

CHECKPOINT=/gs/x
CHECKPOINT_REVISION=fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
CHECKPOINT_WHOLE=''
SERVED_NAME=lab/local-1B
SERVER_ENVIRONMENT=vllm-cpu-1ce68f2ed9fd
SERVER_COMMAND=(
  vllm
  serve
  /gs/x
  --served-model-name lab/local-1B
  --max-model-len 8192
  --gpu-memory-utilization 0.2
  --dtype bfloat16
  --generation-config auto
  --enforce-eager
)
SERVER_FILES=()
SERVER_VARIABLES=(VLLM_CPU_KVCACHE_SPACE=1)
UPSTREAM_URL=''
KEY_VARIABLE=''
LITELLM_PREFIX=HOSTED_VLLM

task_1() {
  TASK=en_own
  TASK_SECONDS=600
  DIGEST=75d94b05cd13124652eb060871b8af39ebd9579ab42b866b4cf26fa083eca616
  MAX_SAMPLES=10
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
    --max-samples 10
  )
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
  CONFIG='model_parameters:
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
'
}

# … the program: compiler/evalctl/render/job.sh
