"""Environment variables of the model's server: which a service may set, and which of vLLM's are passed on from node and `.env`.

They say where and how fast a model is served: threads, memory, links between GPUs, waiting times, logs, kernels. What can change an
answer otherwise (seen in vLLM 0.32: VLLM_MOE_ROUTING_SIMULATION_STRATEGY, VLLM_HUMMING_ONLINE_QUANT_CONFIG,
VLLM_GPT_OSS_HARMONY_SYSTEM_INSTRUCTIONS, VLLM_MODEL_REDIRECT_PATH) is no part of an eval: results with it would be reused without it.
"""

from __future__ import annotations

from collections.abc import Mapping

SETTINGS = frozenset({
    "VLLM_CPU_KVCACHE_SPACE", "VLLM_CPU_OMP_THREADS_BIND", "VLLM_CPU_NUM_OF_RESERVED_CPU", "VLLM_CPU_ATTN_SPLIT_KV",
    "VLLM_LOGGING_LEVEL", "VLLM_LOGGING_COLOR", "VLLM_LOG_STATS_INTERVAL", "VLLM_NO_USAGE_STATS", "VLLM_DO_NOT_TRACK",
    "VLLM_ENGINE_READY_TIMEOUT_S", "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS", "VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
    "VLLM_WORKER_MULTIPROC_METHOD", "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS", "VLLM_RINGBUFFER_WARNING_INTERVAL",
    "VLLM_SKIP_P2P_CHECK", "VLLM_DISABLE_PYNCCL", "VLLM_USE_NCCL_SYMM_MEM", "VLLM_ALLREDUCE_USE_SYMM_MEM",
    "VLLM_ALLREDUCE_USE_FLASHINFER", "VLLM_FLASHINFER_ALLREDUCE_BACKEND", "VLLM_FLASHINFER_WORKSPACE_BUFFER_SIZE",
    "VLLM_USE_FLASHINFER_SAMPLER", "VLLM_USE_DEEP_GEMM", "VLLM_MOE_USE_DEEP_GEMM", "VLLM_DEEP_GEMM_WARMUP", "VLLM_DISABLED_KERNELS",
    "VLLM_ENABLE_CUDAGRAPH_GC", "VLLM_ENABLE_CUDA_COMPATIBILITY", "VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS",
    "VLLM_WEIGHT_OFFLOADING_DISABLE_PIN_MEMORY", "VLLM_WEIGHT_OFFLOADING_DISABLE_UVA", "VLLM_WSL2_ENABLE_PIN_MEMORY",
    "CUDA_DEVICE_MAX_CONNECTIONS", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING",
    "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "TORCH_CPP_LOG_LEVEL", "TORCH_CUDA_ARCH_LIST", "TORCH_DISTRIBUTED_DEBUG",
    "FLASHINFER_CUDA_ARCH_LIST", "TOKENIZERS_PARALLELISM",
    "HF_HUB_OFFLINE", "HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_XET",
    "HF_HUB_DISABLE_PROGRESS_BARS", "HF_HUB_ENABLE_HF_TRANSFER", "HF_XET_HIGH_PERFORMANCE", "HF_XET_NUM_CONCURRENT_RANGE_GETS",
    "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE", "TRANSFORMERS_VERBOSITY",
})  # fmt: skip
# Only from node and `.env`: places of caches, and this node's address where it has several.
_OF_THE_NODE = frozenset({"VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "VLLM_HOST_IP", "VLLM_LOOPBACK_IP"})


def passed_on(variables: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables for the server, and the names of vLLM's that it does not get."""
    known = SETTINGS | _OF_THE_NODE
    left = sorted(name for name in variables if name.startswith("VLLM_") and name not in known)
    return {name: value for name, value in variables.items() if name not in left}, left
