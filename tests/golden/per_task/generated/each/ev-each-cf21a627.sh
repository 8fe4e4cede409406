#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-each-cf21a627
#$ -l gpu_1=1
#$ -l h_rt=0:50:00
#$ -p -4
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/each.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, gpu_1, 1 GPU
#   time      at most 0:50:00, 0:15:16 of it to start
#   cost      about 0.2445, at most 0.2666 points; 17 JPY at most (prices of 2026-08-25)
#   tasks     1, at most 4 at once, each with the time that it may take:
#     ja_exact                  0:30:00   eval 6956dac24151
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-each-cf21a627
WALLTIME_SECONDS=3000
DRAIN_SECONDS=120
START_SECONDS=916
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(ja_exact)
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833)
SECRETS=()

GPUS=1
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$T4TMPDIR' '/local/$JOB_ID')

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
  VARIABLES=(LITELLM_CONCURRENT_CALLS=61)
  TASK_SECRETS=()
  RELAY='{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.0
'
}

# … the program: compiler/evalctl/render/job.sh
