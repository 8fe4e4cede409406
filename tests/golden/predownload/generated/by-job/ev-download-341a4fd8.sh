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
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-download-341a4fd8"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 1800
drain_seconds = 120

[node]
gpus = 0
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

[download]
model = "lab/small-8B"
revision = "0123456789abcdef0123456789abcdef01234567"

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
