#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-by-job-5d19b709
#$ -l node_q=1
#$ -l h_rt=0:50:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/by-job.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 0:50:00, 0:15:16 of it to start
#   cost      about 0.0876, at most 0.1666 points; 10 JPY at most (prices of 2026-08-25)
#   tasks     1, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_exact                  0:30:00   eval 6956dac24151
#   advice    the model (16.1 GB) is downloaded first, by a job on cpu_16
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-by-job-5d19b709"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 3000
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
variables = {"HF_HUB_OFFLINE" = "1"}
litellm_prefix = "HOSTED_VLLM"

[[tasks]]
key = "ja_exact"
seconds = 1800
digest = "6956dac241519a16365d30e053160f9198d500a6096b21443645a2d0f4d40195"
framework = "lighteval-swallow"
environment = "lighteval-swallow-90bb1569e833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
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

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
