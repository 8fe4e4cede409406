#!/bin/bash
#$ -S /bin/bash
#$ -cwd
#$ -N ev-nineteen-2296d860
#$ -l node_q=1
#$ -l h_rt=24:00:00
#$ -p -5
#$ -j y
#$ -r n
#
# Made by `evalctl compile` from manifests/requests/nineteen.yaml; change that file, not this one.
#
#   model     lab/small-8B at 0123456789abcdef0123456789abcdef01234567
#   served by vllm in vllm-ec8207a3dde6
#   runs on   tsubame, node_q, 1 GPU
#   time      at most 24:00:00, 0:15:16 of it to start
#   cost      about 1.7589, at most 4.8 points; 300 JPY at most (prices of 2026-08-25)
#   tasks     19, at most 32 at once as far as the node bears them, each with the time that it may take:
#     ja_mmlu_prox              4:00:00   eval a08084657f48
#     ja_mtbench                4:00:00   eval ac3860ca13c7
#     en_livecodebench_v5_v6    2:00:00   eval 63bb598f812c
#     en_mmlu                   2:00:00   eval edfe9fa34fc2
#     en_mmlu_pro               2:00:00   eval 9224602b94ec
#     en_mmlu_prox              2:00:00   eval cbc70125c3db
#     en_mtbench                2:00:00   eval 47ddd6055319
#     ja_humaneval              1:00:00   eval 6952ecd43a63
#     ja_mmlu                   1:00:00   eval a28e97d3b9ee
#     en_aime_2024_2025         0:30:00   eval 72446e019879
#     en_gpqa_diamond           0:30:00   eval 668ca254d0e8
#     en_hellaswag              0:30:00   eval 2ac97706943d
#     en_math_500               0:30:00   eval eac93cbf4911
#     ja_gpqa                   0:30:00   eval ccaef62b093c
#     ja_jemhopqa_cot           0:30:00   eval 6956dac24151
#     ja_math_100               0:30:00   eval 2de8f7e71e46
#     ja_mifeval                0:30:00   eval e5062d944a95
#     ja_wmt20_en_ja            0:30:00   eval ac250ef2dc7c
#     ja_wmt20_ja_en            0:30:00   eval 45d411b8a592
#   advice    the model's own defaults apply where a request says nothing: top_p=0.9 (generation_config: vllm turns them off)
#
environment=lighteval-swallow-90bb1569e833
# … the bootstrap: compiler/evalctl/render/job.sh
exec "$program" -I -X utf8 -m evalctl_job.run 3<<'END_OF_JOB'
name = "ev-nineteen-2296d860"
environment = "lighteval-swallow-90bb1569e833"
walltime_seconds = 86400
drain_seconds = 120
start_seconds = 916
parallel_tasks = 32
admit = "auto"
admit_most = 244
secrets = ["OPENAI_API_KEY"]

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
key = "ja_mmlu_prox"
seconds = 14400
digest = "a08084657f48f0354d5ed27e841a132d8e10e1b1e334ddd53f3e08f267c0914f"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|mmlu_prox_japanese|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 91

[[tasks]]
key = "ja_mtbench"
seconds = 14400
digest = "ac3860ca13c77d711dfbd43dec99133e15da2ba0e49f126add913a23d524700c"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|japanese_mt_bench|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
secrets = ["OPENAI_API_KEY"]
relay = '{"add": {}, "length_key": "max_completion_tokens"}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation: {}
"""

[[tasks]]
key = "en_livecodebench_v5_v6"
seconds = 7200
digest = "63bb598f812c5e4eb53f2fb15008d3a88688e15f31bbda0489ce0b6a36a33d08"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|lcb:codegeneration_v5_v6|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
code_execution = "fenced"
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.6, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.6
    top_p: 0.95
"""

[[tasks]]
key = "en_mmlu"
seconds = 7200
digest = "edfe9fa34fc2db2b172c8f669e50cc10da074fc5e6e700868577125233f5a32a"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|mmlu_english|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 57

[[tasks]]
key = "en_mmlu_pro"
seconds = 7200
digest = "9224602b94ecf9b6b4593e0208966181f0120e6ef704ccd433f59ff9651633e3"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|mmlu_pro_english|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 91

[[tasks]]
key = "en_mmlu_prox"
seconds = 7200
digest = "cbc70125c3db380886b7c3f5869982fcf3cf386c7a87aa25434c17bf67c682c5"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|mmlu_prox_english|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 91

[[tasks]]
key = "en_mtbench"
seconds = 7200
digest = "47ddd6055319e4fd3f4e2caeed80781cfdd21731059084dce47cb844bfbd5b73"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|english_mt_bench|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
secrets = ["OPENAI_API_KEY"]
relay = '{"add": {}, "length_key": "max_completion_tokens"}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation: {}
"""

[[tasks]]
key = "ja_humaneval"
seconds = 3600
digest = "6952ecd43a632241b5827fb7fd14846df677a1d0158e9e1ce3c7db635c84af05"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|swallow_jhumaneval|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
code_execution = "fenced"
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.2, "top_p": 0.95}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.2
    top_p: 0.95
"""

[[tasks]]
key = "ja_mmlu"
seconds = 3600
digest = "a28e97d3b9eeb519b2885ee529634814a4f563289d3693bcb78bb155fd19d0a7"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|swallow_jmmlu|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 53

[[tasks]]
key = "en_aime_2024_2025"
digest = "72446e0198792deb1f132956a70749c941714eb00efe1fef3c6489dd8685cf70"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|aime|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
subsets = 2

[[tasks]]
key = "en_gpqa_diamond"
digest = "668ca254d0e87f8af351c5f8c9348599c8f39d8bcdb5fa2253410eba9426f543"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|gpqa:diamond|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "en_hellaswag"
digest = "2ac97706943da364fdf602a4ffe3b44bae19be2af6e888c0485d529aa7856e76"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|hellaswag|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "en_math_500"
digest = "eac93cbf4911be4e00139bf731061211036c70fa2da1223233f144b36da8fdeb"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|math_500|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_gpqa"
digest = "ccaef62b093c854f8df0cd778b9df21055e4a0895352c60a3aa9b10d48618e85"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|swallow_gpqa_ja|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_jemhopqa_cot"
digest = "6956dac241519a16365d30e053160f9198d500a6096b21443645a2d0f4d40195"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|jemhopqa_cot|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_math_100"
digest = "2de8f7e71e463ca686e33c50a74df2e748ab1506d139e0edc9868cbd5e914833"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|math_100_japanese|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_mifeval"
digest = "e5062d944a95e6c701148eccf6c9c92c41bb6f0dea6a00ef65ca71c67c4ab953"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|mifeval_ja|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]
relay = '{"add": {}, "length_key": "max_completion_tokens", "planned": {"temperature": 0.0, "top_p": 1.0}}'
config = """
model:
  base_params:
    model_name: hosted_vllm/lab/small-8B
  generation:
    temperature: 0.0
    top_p: 1.0
"""

[[tasks]]
key = "ja_wmt20_en_ja"
digest = "ac250ef2dc7ce7e47026a6ffca5bd6f68e989fddd4a292ce73ac018f85c37039"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|wmt20:en-ja|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[[tasks]]
key = "ja_wmt20_ja_en"
digest = "45d411b8a5926f788bade645f06770328b24409842a9e4ef2ff854bd540a0f20"
command = [
  "lighteval", "endpoint", "litellm", "config.yaml", "swallow|wmt20:ja-en|0|0",
  "--use-chat-template",
  "--output-dir", "output",
  "--save-details",
]

[end]
END_OF_JOB
missing "$environment: its program cannot be started; job.log says more"
