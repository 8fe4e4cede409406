#!/bin/bash
#SBATCH --job-name=ev-long-70f58347
#SBATCH --nodes=1
#SBATCH --time=1:20:00
#SBATCH --gpus=1
#SBATCH --no-requeue
#SBATCH --signal=B:TERM@120
#
# Made by `evalctl compile` from manifests/requests/long.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   slurm, gpu_1, 1 GPU
#   time      at most 1:20:00, 0:15:16 of it to start
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_code                   1:00:00   eval 4d17ed052052
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-long-70f58347"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 4800
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 32

[node]
gpus = 1
scratch = ["$SLURM_TMPDIR"]

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
litellm_prefix = "HOSTED_VLLM"

[[tasks]]
key = "en_code"
seconds = 3600
digest = "4d17ed0520525e6a186b759e26342d59339cd5b268e39493978c4b1482b4a5d1"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|humaneval|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 1
code_execution = "fenced"
variables = {"LITELLM_CONCURRENT_CALLS" = "8"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.2, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.2
    top_p: 0.95
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
