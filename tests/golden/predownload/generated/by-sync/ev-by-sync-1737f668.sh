#!/bin/bash
#PBS -N ev-by-sync-1737f668
#PBS -q rt_HG
#PBS -l select=1
#PBS -l walltime=0:50:00
#PBS -j oe
#PBS -k oed
#PBS -r n
#
# Made by `evalctl compile` from manifests/requests/by-sync.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  default version 1.2 (manifests/models/lab/small-8B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   abci, rt_HG, 1 GPU
#   time      at most 0:50:00, 0:15:16 of it to start
#   cost      about 2.2633, at most 2.5 points, 2.5 held from the start; 550 JPY at most (prices of 2026-11-23)
#   tasks     1, at most 4 at once, each with the time that it may take:
#     ja_exact                  0:30:00   eval fe27abf199e3
#   advice    the model (16.1 GB) is downloaded first, by evalctl sync
#   advice    64 questions at once per task, not 101: above that the frameworks' HTTP client loses answers or hangs
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016

JOB_NAME=ev-by-sync-1737f668
WALLTIME_SECONDS=3000
DRAIN_SECONDS=120
START_SECONDS=916
PARALLEL_TASKS=4
ADMIT=auto
TASKS=(ja_exact)
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833)
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
SERVER_VARIABLES=(HF_HUB_OFFLINE=1)
UPSTREAM_URL=''
KEY_VARIABLE=''
LITELLM_PREFIX=HOSTED_VLLM

task_1() {
  TASK=ja_exact
  TASK_SECONDS=1800
  DIGEST=fe27abf199e3afc1d6fed9dae07604d00545d9ce4eda39810cda888e5e4387e4
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
