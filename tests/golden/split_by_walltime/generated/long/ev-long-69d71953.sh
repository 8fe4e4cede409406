#!/bin/bash
#SBATCH --job-name=ev-long-69d71953
#SBATCH --nodes=1
#SBATCH --time=3:00:00
#SBATCH --gpus=1
#SBATCH --no-requeue
#SBATCH --signal=B:TERM@120
#
# Made by `evalctl compile` from manifests/requests/long.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   slurm, gpu_1, 1 GPU
#   time      at most 3:00:00, 0:15:16 of it to start
#   tasks     3, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_judged                 2:00:00   eval ac3860ca13c7
#     en_choice                 1:00:00   eval 6d0267f7cd49
#     ja_exact                  0:30:00   eval 6956dac24151
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-long-69d71953"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 10800
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
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

[each_task]
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
subsets = 1
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'

[[tasks]]
key = "ja_judged"
seconds = 7200
digest = "ac3860ca13c77d711dfbd43dec99133e15da2ba0e49f126add913a23d524700c"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|japanese_mt_bench|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "8"}
secrets = ["OPENAI_API_KEY"]
relay = '{"add": {}, "length_key": "max_completion_tokens"}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation: {}
"""

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "6d0267f7cd498d143990951f8f62f5b841eb224284c1791f4c1fbe97fb8c8915"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
config = """
model_parameters:
  model_name: hosted_vllm/lab/small-8B
  concurrent_requests: 8
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
"""

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "6956dac241519a16365d30e053160f9198d500a6096b21443645a2d0f4d40195"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "8"}
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.0
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
