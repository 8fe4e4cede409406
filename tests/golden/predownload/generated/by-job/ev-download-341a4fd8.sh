#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-download-341a4fd8
#$ -l cpu_16=1
#$ -l h_rt=0:30:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/by-job.yaml; change that file, not this one.
#
#   downloads lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   size      16.1 GB of weights
#   runs on   tsubame, cpu_16
#   time      at most 0:30:00
#
# The program at the end reads what is assigned here, by calling task_1, task_2, … for what belongs to a task; what
# looks like an expression in quotes is data.
# shellcheck disable=SC2034,SC2154,SC2317,SC2329,SC2016,SC2153

JOB_NAME=ev-download-341a4fd8
WALLTIME_SECONDS=1800
DRAIN_SECONDS=120
TASKS=()
FRAMEWORK_ENVIRONMENTS=(lighteval-swallow-90bb1569e833)
SECRETS=()

GPUS=0
MODULES_INIT=''
MODULES=()
SITE_VARIABLES=()
SCRATCH=('$T4TMPDIR' '/local/$JOB_ID')

SERVER_ENVIRONMENT=''
KEY_VARIABLE=''
MODEL=lab/small-8B
REVISION=0123456789abcdef0123456789abcdef01234567
# … the program: compiler/evalctl/render/job.sh and download.sh
