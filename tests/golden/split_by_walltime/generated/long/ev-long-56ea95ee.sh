#!/bin/bash
#SBATCH --job-name=ev-long-56ea95ee
#SBATCH --nodes=1
#SBATCH --time=2:50:00
#SBATCH --gpus=1
#SBATCH --no-requeue
#SBATCH --signal=B:TERM@120
#
# Made by `evalctl compile` from manifests/requests/long.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   slurm, gpu_1, 1 GPU
#   time      at most 2:50:00, 0:15:16 of it to start
#   tasks     3, at most 4 at once, each with the time that it may take:
#     ja_exact                  0:30:00   eval 6956dac24151
#     en_choice                 1:00:00   eval 6d0267f7cd49
#     en_code                   1:00:00   eval 4d17ed052052
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-long-56ea95ee
WALLTIME_SECONDS=10200
DRAIN_SECONDS=120
START_SECONDS=916
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(ja_exact en_choice en_code)
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833 lighteval-b2ed8695d5e5)
SECRETS=()

GPUS=1
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$SLURM_TMPDIR')

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
  TASK=ja_exact
  TASK_SECONDS=1800
  DIGEST=6956dac241519a16365d30e053160f9198d500a6096b21443645a2d0f4d40195
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
  VARIABLES=(LITELLM_CONCURRENT_CALLS=8)
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.0
'
}

task_2() {
  TASK=en_choice
  TASK_SECONDS=3600
  DIGEST=6d0267f7cd498d143990951f8f62f5b841eb224284c1791f4c1fbe97fb8c8915
  MAX_SAMPLES=
  FRAMEWORK=lighteval
  FRAMEWORK_ENVIRONMENT=lighteval-b2ed8695d5e5
  COMMAND=(lighteval endpoint litellm config.yaml 'gsm8k|0' --output-dir output --save-details)
  VARIABLES=()
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
  CONFIG='model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 8
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
'
}

task_3() {
  TASK=en_code
  TASK_SECONDS=3600
  DIGEST=4d17ed0520525e6a186b759e26342d59339cd5b268e39493978c4b1482b4a5d1
  MAX_SAMPLES=
  FRAMEWORK=lighteval-swallow
  FRAMEWORK_ENVIRONMENT=lighteval-swallow-90bb1569e833
  COMMAND=(
    lighteval
    endpoint
    litellm
    config.yaml
    'swallow|humaneval|0|0'
    --use-chat-template
    --output-dir output
    --save-details
  )
  VARIABLES=(LITELLM_CONCURRENT_CALLS=8)
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.2, "top_p": 0.95}}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.2
    top_p: 0.95
'
}

# … the program: compiler/evalctl/render/job.sh
