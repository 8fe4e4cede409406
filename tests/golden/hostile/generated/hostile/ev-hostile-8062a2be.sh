#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-hostile-8062a2be
#$ -l node_q=1
#$ -l h_rt=1:50:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/hostile.yaml; change that file, not this one.
#
#   model     /gs/$(touch owned)/`touch owned`/'; touch owned; '/a b at fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98
#   settings  hostile version $(touch owned) (manifests/models/lab/local-1B.yaml)
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 1:50:00, 0:15:02 of it to start
#   cost      about 0.1174, at most 0.3666 points; 23 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     en_choice                 1:00:00   eval 97acce09c4df
#     ja_exact                  0:30:00   eval 6a5cbadb5d58
#
environment=lighteval-b2ed8695d5e5
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-hostile-8062a2be"
environment = "lighteval-b2ed8695d5e5"
walltime_seconds = 6600
drain_seconds = 120
start_seconds = 902
parallel_tasks = 32
admit = "auto"
admit_most = 596

[node]
gpus = 1
scratch = ["$T4TMPDIR", "/local/$JOB_ID"]

[checkpoint]
path = "/gs/$(touch owned)/`touch owned`/'; touch owned; '/a b"
revision = "fedcba9876543210fedcba9876543210fedcba98fedcba98fedcba98fedcba98"

[server]
served_name = "lab/local-1B"
environment = "vllm-ec8207a3dde6"
command = [
  "vllm", "serve", "/gs/$(touch owned)/`touch owned`/'; touch owned; '/a b",
  "--served-model-name", "lab/local-1B",
  "--tensor-parallel-size", "1",
  "--max-model-len", "8192",
  "--gpu-memory-utilization", "0.9",
  "--dtype", "bfloat16",
  "--generation-config", "auto",
]
litellm_prefix = "HOSTED_VLLM"

[each_task]
subsets = 1
relay = "{\"add\": {}, \"length_key\": \"max_completion_tokens\", \"planned\": {\"stop\": [\"$(touch owned)\", \"\\n#$ -pe x 9\", \"'\", \"\\\\\", \"\u2028\"], \"temperature\": 0.0}}"

[[tasks]]
key = "en_choice"
seconds = 3600
digest = "97acce09c4dfe4226d24caa949734534924bd6f5a1978bf604544e7853f526d9"
framework = "lighteval"
environment = "lighteval-b2ed8695d5e5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "gsm8k|0",
  "--output-dir", "output",
  "--save-details",
]
config = """
model_parameters:
  model_name: hosted_vllm/lab/local-1B
  concurrent_requests: 149
  cache_dir: cache
  api_max_retry: 1
  api_retry_sleep: 0.1
  timeout: 86400
  system_prompt: '''; touch owned; echo "$(touch owned)`touch owned`"

    }

    touch owned

    #$ -l h_rt=9:0:0

    \u202e!!\\'
  max_model_length: 8192
  generation_parameters:
    temperature: 0.0
    stop_tokens:
    - $(touch owned)
    - '

      #$ -pe x 9'
    - ''''
    - \\
    - '\u2028      '
"""

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "6a5cbadb5d58af3d856a587c2f95008201533a111a05e62c96c09b8011e96cba"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
  """
--system-prompt='; touch owned; echo "$(touch owned)`touch owned`"
}
touch owned
\u0023$ -l h_rt=9:0:0
\u202e!!\\""",
]
variables = {"LITELLM_CONCURRENT_CALLS" = "149"}
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/local-1B
  generation:
    temperature: 0.0
    stop_tokens:
    - $(touch owned)
    - '

      #$ -pe x 9'
    - ''''
    - \\
    - '\u2028      '
"""

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
