#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-hostile-8062a2be
#$ -l node_q=1
#$ -l h_rt=1:50:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/hostile.yaml; change that file, not this one.
#
#   model     /gs/$(touch owned)/`touch owned`/'; touch owned; '/a b at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   settings  hostile version $(touch owned) (manifests/models/lab/local-1B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 1:50:00, 0:15:02 of it to start
#   cost      about 0.3521, at most 0.3666 points; 23 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 4 at once, each with the time that it may take:
#     ja_exact                  0:30:00   eval 6a5cbadb5d58
#     en_choice                 1:00:00   eval 97acce09c4df
#   advice    64 questions at once per task, not 149: above that the frameworks' HTTP client loses answers or hangs
#   advice    gpu_1 has the same 1 x H100 and costs 20 % less than node_q (cores: 48 to 8)
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-hostile-8062a2be
WALLTIME_SECONDS=6600
DRAIN_SECONDS=120
START_SECONDS=902
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(ja_exact en_choice)
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833 lighteval-b2ed8695d5e5)
SECRETS=()

GPUS=1
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$T4TMPDIR' '/local/$JOB_ID')

CHECKPOINT='/gs/$(touch owned)/`touch owned`/'\''; touch owned; '\''/a b'
CHECKPOINT_REVISION=fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
CHECKPOINT_WHOLE=''
SERVED_NAME=lab/local-1B
SERVER_ENVIRONMENT=vllm-ec8207a3dde6
SERVER_COMMAND=(
  vllm
  serve
  '/gs/$(touch owned)/`touch owned`/'\''; touch owned; '\''/a b'
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
  TASK=ja_exact
  TASK_SECONDS=1800
  DIGEST=6a5cbadb5d58af3d856a587c2f95008201533a111a05e62c96c09b8011e96cba
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
    $'--system-prompt=\'; touch owned; echo "$(touch owned)`touch owned`"
}
touch owned
\x23$ -l h_rt=9:0:0
\xe2\x80\xae!!\\'
  )
  VARIABLES=(LITELLM_CONCURRENT_CALLS=64)
  TASK_SECRETS=()
  RELAY=$'{"add": {}, "length_key": "max_completion_tokens", "planned": {"stop": ["$(touch owned)", "\\n#$ -pe x 9", "\'", "\\\\", "\xe2\x80\xa8"], "temperature": 0.0}}'
  CONFIG=$'model:
  base_params:
    model_name: hosted_vllm/lab/local-1B
  generation:
    temperature: 0.0
    stop_tokens:
    - $(touch owned)
    - \'

      #$ -pe x 9\'
    - \'\'\'\'
    - \\
    - \'\xe2\x80\xa8      \'
'
}

task_2() {
  TASK=en_choice
  TASK_SECONDS=3600
  DIGEST=97acce09c4dfe4226d24caa949734534924bd6f5a1978bf604544e7853f526d9
  MAX_SAMPLES=
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(lighteval endpoint litellm config.yaml 'gsm8k|0' --output-dir output --save-details)
  VARIABLES=()
  TASK_SECRETS=()
  RELAY=$'{"add": {}, "length_key": "max_completion_tokens", "planned": {"stop": ["$(touch owned)", "\\n#$ -pe x 9", "\'", "\\\\", "\xe2\x80\xa8"], "temperature": 0.0}}'
  CONFIG=$'model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 64
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  system_prompt: \'\'\'; touch owned; echo "$(touch owned)`touch owned`"

    }

    touch owned

    #$ -l h_rt=9:0:0

    \xe2\x80\xae!!\\\'
  max_model_length: 8192
  generation_parameters:
    temperature: 0.0
    stop_tokens:
    - $(touch owned)
    - \'

      #$ -pe x 9\'
    - \'\'\'\'
    - \\
    - \'\xe2\x80\xa8      \'
'
}

# … the program: compiler/evalctl/render/job.sh
