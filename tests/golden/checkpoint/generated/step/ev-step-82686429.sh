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
#   cost      about 0.2855, at most 0.3 points; 19 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 4 at once, each with the time that it may take:
#     en_own                    0:10:00   eval 45ce84175210
#     en_choice                 1:00:00   eval c4c9440a2c4d
#   advice    64 questions at once per task, not 149: above that the frameworks' HTTP client loses answers or hangs
#   advice    gpu_1 has the same 1 x H100 and costs 20 % less than node_q (cores: 48 to 8)
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-step-82686429
WALLTIME_SECONDS=5400
DRAIN_SECONDS=120
START_SECONDS=902
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(en_own en_choice)
FRAMEWORK_ENVIRONMENTS=(lighteval-b2ed8695d5e5)
SECRETS=()

GPUS=1
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$T4TMPDIR' '/local/$JOB_ID')

CHECKPOINT='/gs/bs/it'\''s a run/$(touch owned)/iter 001'
CHECKPOINT_REVISION=fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
CHECKPOINT_WHOLE=''
SERVED_NAME=lab/local-1B
SERVER_ENVIRONMENT=vllm-ec8207a3dde6
SERVER_COMMAND=(
  vllm
  serve
  '/gs/bs/it'\''s a run/$(touch owned)/iter 001'
  --served-model-name lab/local-1B
  --tensor-parallel-size 1
  --max-model-len 8192
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
  DIGEST=45ce84175210a191c7484d061c4a2c3c66e3007a6b566b12dbc194b37ba66b9c
  MAX_SAMPLES=
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
  )
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
  CONFIG='model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 64
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

task_2() {
  TASK=en_choice
  TASK_SECONDS=3600
  DIGEST=c4c9440a2c4da55a88af98a8203c479217cc55b2b5321ceb4950c19fd63bf371
  MAX_SAMPLES=
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(lighteval endpoint litellm config.yaml 'gsm8k|0' --output-dir output --save-details)
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
  CONFIG='model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 64
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 8192
  generation_parameters:
    temperature: 0.0
'
}

# … the program: compiler/evalctl/render/job.sh
