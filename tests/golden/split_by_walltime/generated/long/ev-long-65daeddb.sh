#!/bin/bash
#SBATCH --job-name=ev-long-65daeddb
#SBATCH --nodes=1
#SBATCH --time=2:20:00
#SBATCH --gpus=1
#SBATCH --no-requeue
#SBATCH --signal=B:TERM@120
#
# Made by `evalctl compile` from manifests/requests/long.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   slurm, gpu_1, 1 GPU
#   time      at most 2:20:00, 0:15:16 of it to start
#   tasks     1, at most 4 at once, each with the time that it may take:
#     ja_judged                 2:00:00   eval ac3860ca13c7
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-long-65daeddb
WALLTIME_SECONDS=8400
DRAIN_SECONDS=120
START_SECONDS=916
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(ja_judged)
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833)
SECRETS=(OPENAI_API_KEY)

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
  TASK=ja_judged
  TASK_SECONDS=7200
  DIGEST=ac3860ca13c77d711dfbd43dec99133e15da2ba0e49f126add913a23d524700c
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
  VARIABLES=(LITELLM_CONCURRENT_CALLS=8)
  TASK_SECRETS=(OPENAI_API_KEY)
  RELAY='{"add": {}, "length_key": "max_completion_tokens"}'
  CONFIG='model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation: {}
'
}

# … the program: compiler/evalctl/render/job.sh
