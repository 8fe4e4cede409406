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
#   cost      about 0.94, at most 2.5 points, 2.5 held from the start; 550 JPY at most (prices of 2026-11-23)
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_exact                  0:30:00   eval fe27abf199e3
#   advice    the model (16.1 GB) is downloaded first, by evalctl sync
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-by-sync-1737f668"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 3000
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 404

[node]
gpus = 1
modules_init = "/etc/profile.d/modules.sh"
modules = ["cuda/12.6/12.6.1"]
variables = {"NCCL_DEBUG" = "WARN"}
scratch = ["$PBS_LOCALDIR", "/local/$PBS_JOBID"]

[server]
served_name = "lab/small-8B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "lab/small-8B",
  "--served-model-name", "lab/small-8B",
  "--revision", "0123456789abcdef0123456789abcdef01234567",
  "--tokenizer-revision", "0123456789abcdef0123456789abcdef01234567",
  "--tensor-parallel-size", "1",
  "--max-model-len", "32768",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
variables = {"HF_HUB_OFFLINE" = "1"}
litellm_prefix = "HOSTED_VLLM"

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "fe27abf199e3afc1d6fed9dae07604d00545d9ce4eda39810cda888e5e4387e4"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 1
variables = {"LITELLM_CONCURRENT_CALLS" = "101"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "max_n": 4, "planned": {"max_completion_tokens": 2048, "temperature": 0.6, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    max_new_tokens: 2048
    temperature: 0.6
    top_p: 0.95
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
