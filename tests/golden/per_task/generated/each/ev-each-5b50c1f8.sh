#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-each-5b50c1f8
#$ -l gpu_1=1
#$ -l h_rt=0:30:00
#$ -p -4
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/each.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, gpu_1, 1 GPU
#   time      at most 0:30:00, 0:15:16 of it to start
#   cost      about 0.1031, at most 0.16 points; 10 JPY at most (prices of 2026-08-25)
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_own                    0:10:00   eval a1b9239f4de9
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-each-5b50c1f8"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 1800
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 244

[node]
gpus = 1
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

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
key = "en_own"
seconds = 600
digest = "a1b9239f4de938a2c97cea38cbf01323d99a4ad4950faf9156485b8bf51eaeae"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
]
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
config = """
model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 61
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
    max_new_tokens: 64
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
