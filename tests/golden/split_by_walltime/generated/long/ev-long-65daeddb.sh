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
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-long-65daeddb"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 8400
drain_seconds = 120
start_seconds = 916
parallel_tasks = 4
admit = "auto"
admit_most = 32
secrets = ["OPENAI_API_KEY"]

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
key = "ja_judged"
seconds = 7200
digest = "ac3860ca13c77d711dfbd43dec99133e15da2ba0e49f126add913a23d524700c"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|japanese_mt_bench|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 1
variables = {"LITELLM_CONCURRENT_CALLS" = "8"}
secrets = ["OPENAI_API_KEY"]
relay = '{"add": {}, "length_key": "max_completion_tokens"}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation: {}
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
