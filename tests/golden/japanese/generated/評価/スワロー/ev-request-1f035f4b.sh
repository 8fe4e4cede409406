#!/bin/bash
#PBS -N ev-request-1f035f4b
#PBS -q rt_HG
#PBS -l select=1
#PBS -l walltime=1:50:00
#PBS -j oe
#PBS -k oed
#PBS -r n
#
# Made by `evalctl compile` from manifests/requests/評価/スワロー.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   settings  ja version 2 (manifests/models/lab/small-8B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   abci, rt_HG, 1 GPU
#   time      at most 1:50:00, 0:15:16 of it to start
#   cost      about 1.2925, at most 5.5 points, 5.5 held from the start; 1,210 JPY at most (prices of 2026-11-23)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval cb04e0149e0b
#     ja_exact                  0:30:00   eval c108f8d8154c
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-request-1f035f4b"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 6600
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
variables = {"VLLM_USE_V1" = "0"}
litellm_prefix = "HOSTED_VLLM"

[[server.files]]
option = "--chat-template"
name = "chat_template.jinja"
text = """
{% for message in messages %}{{ message.content }}{% endfor %}
"""

[each_task]
subsets = 1
relay = '{"add": {"top_k": 20}, "length_key": "max_completion_tokens", "planned": {"stop": ["<|終わり|>", "\n\n#$ -l h_rt=1:0:0"], "temperature": 0.0, "top_k": 20}}'

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "cb04e0149e0b625613bdeedd48f65240afb79dd76d05d7514ca875915f9ac400"
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
  concurrent_requests: 101
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  system_prompt: あなたは誠実で優秀な日本人のアシスタントです。
  max_model_length: 32768
  generation_parameters:
    temperature: 0.0
    stop_tokens:
    - <|終わり|>
    - '


      #$ -l h_rt=1:0:0'
"""

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "c108f8d8154c06488a036a8ffdbcf93618a170ec8a9c0c440cd044076c4cd30e"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
  "--system-prompt=あなたは誠実で優秀な日本人のアシスタントです。",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "101"}
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
    reasoning_parser: deepseek_r1_markup
  generation:
    temperature: 0.0
    stop_tokens:
    - <|終わり|>
    - '


      #$ -l h_rt=1:0:0'
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
