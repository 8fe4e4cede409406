#!/bin/bash
# local queue: ev-tiny-defa55f4, 2 GPU(s), at most 1:30:00
#
# Made by `evalctl compile` from manifests/requests/tiny.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  greedy version 1 (manifests/models/common_settings.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   local, gpu_2, 2 GPUs (CUDA_VISIBLE_DEVICES 2,3)
#   time      at most 1:30:00, 0:10:16 of it to start
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval 6d0267f7cd49
#     en_own                    0:10:00   eval a1b9239f4de9
#   advice    gpu_memory_gb of gpu_2 is not in the service's file: all GPUs that can share one copy of the model do, where several copies might answer more
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-tiny-defa55f4"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 5400
drain_seconds = 20
start_seconds = 616
parallel_tasks = 32
admit = "auto"
admit_most = 32

[node]
gpus = 2

[server]
served_name = "lab/small-8B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "lab/small-8B",
  "--served-model-name", "lab/small-8B",
  "--revision", "0123456789abcdef0123456789abcdef01234567",
  "--tokenizer-revision", "0123456789abcdef0123456789abcdef01234567",
  "--tensor-parallel-size", "2",
  "--max-model-len", "32768",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
litellm_prefix = "HOSTED_VLLM"

[each_task]
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
subsets = 1

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "6d0267f7cd498d143990951f8f62f5b841eb224284c1791f4c1fbe97fb8c8915"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
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
key = "en_own"
seconds = 600
digest = "a1b9239f4de938a2c97cea38cbf01323d99a4ad4950faf9156485b8bf51eaeae"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "demo_arithmetic|0",
  "--output-dir", "output",
  "--save-details",
  "--custom-tasks", "evalctl_tasks.tasks",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"max_completion_tokens": 64, "temperature": 0.0}}'
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
    max_new_tokens: 64
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
