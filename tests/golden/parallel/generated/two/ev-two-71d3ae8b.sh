#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-two-71d3ae8b
#$ -l node_q=1
#$ -l h_rt=1:20:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/two.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 1:20:00, 0:15:16 of it to start
#   cost      about 0.1224, at most 0.2666 points; 17 JPY at most (prices of 2026-08-25)
#   tasks     2, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_exact                  0:30:00   eval 6956dac24151
#     ja_subset                 0:30:00   eval ac250ef2dc7c
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-two-71d3ae8b"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 4800
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

[each_task]
seconds = 1800
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
subsets = 1
variables = {"LITELLM_CONCURRENT_CALLS" = "61"}
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.0
"""

[[tasks]]
key = "ja_exact"
digest = "6956dac241519a16365d30e053160f9198d500a6096b21443645a2d0f4d40195"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_subset"
digest = "ac250ef2dc7ce7e47026a6ffca5bd6f68e989fddd4a292ce73ac018f85c37039"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|wmt20:en-ja|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
