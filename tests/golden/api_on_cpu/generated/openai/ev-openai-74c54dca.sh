#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-openai-74c54dca
#$ -l cpu_16=1
#$ -l h_rt=9:20:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/openai.yaml; change that file, not this one.
#
#   model     openai/gpt-test-2025-01-31
#   served by https://api.openai.com/v1
#   runs on   tsubame, cpu_16, no GPU
#   time      at most 9:20:00, 0:15:00 of it to start
#   cost      about 0.4445, at most 0.448 points; 28 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 4 at once, each with the time that it may take:
#     en_choice                 1:00:00   eval b253d0dae79a
#     ja_judged                 8:00:00   eval 15c0ff5fe52a
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-openai-74c54dca
WALLTIME_SECONDS=33600
DRAIN_SECONDS=120
START_SECONDS=900
PARALLEL_TASKS=4
ADMIT=7
TASKS=(en_choice ja_judged)
FRAMEWORK_ENVIRONMENTS=(lighteval-b2ed8695d5e5 lighteval-swallow-90bb1569e833)
SECRETS=(OPENAI_API_KEY)

GPUS=0
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$T4TMPDIR' '/local/$JOB_ID')

CHECKPOINT=''
CHECKPOINT_REVISION=''
CHECKPOINT_WHOLE=''
SERVED_NAME=openai/gpt-test-2025-01-31
SERVER_ENVIRONMENT=''
SERVER_COMMAND=()
SERVER_FILES=()
SERVER_VARIABLES=()
UPSTREAM_URL=https://api.openai.com/v1
KEY_VARIABLE=OPENAI_API_KEY
LITELLM_PREFIX=OPENAI

task_1() {
  TASK=en_choice
  TASK_SECONDS=3600
  DIGEST=b253d0dae79affed7dbaa892b6da3fede81afe5b38c2d42b7fd63c23798d943f
  MAX_SAMPLES=
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(lighteval endpoint litellm config.yaml 'gsm8k|0' --output-dir output --save-details)
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
  CONFIG='model_parameters:
  model_name: openai/gpt-test-2025-01-31
  concurrent_requests: 7
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 1200
  generation_parameters:
    temperature: 0.0
'
}

task_2() {
  TASK=ja_judged
  TASK_SECONDS=28800
  DIGEST=15c0ff5fe52a1520f8ca1f277bdd75210332a9d6825685eafa12267cc517d94a
  MAX_SAMPLES=
  FRAMEWORK=lighteval-swallow
  FRAMEWORK_ENVIRONMENT=lighteval-swallow-90bb1569e833
  COMMAND=(
    lighteval
    endpoint
    litellm
    config.yaml
    'swallow|japanese_mt_bench|0|0'
    --use-chat-template
    --output-dir output
    --save-details
  )
  VARIABLES=(LITELLM_CONCURRENT_CALLS=7 REQUEST_TIMEOUT=1200)
  TASK_SECRETS=(OPENAI_API_KEY)
  RELAY='{"add": {}, "length_key": "max_completion_tokens"}'
  CONFIG='model:
  base_params:
    model_name: openai/gpt-test-2025-01-31
  generation: {}
'
}

# … the program: compiler/evalctl/render/job.sh
