"""A small model written file by file, and a Hub that has it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "torch_dtype": "bfloat16",
    "vocab_size": 32,
}
TENSORS = {"model.embed_tokens.weight": ("BF16", [32, 128]), "model.norm.weight": ("BF16", [128])}
PARAMETERS = 32 * 128 + 128
TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}"


def safetensors(tensors: dict[str, tuple[str, list[int]]] = TENSORS, padding: int = 0) -> bytes:
    """A file as the safetensors library writes it; `padding` makes its header longer."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt", "note": "x" * padding}}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        count = 1
        for side in shape:
            count *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + 2 * count]}
        offset += 2 * count
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(offset)


def files() -> dict[str, bytes]:
    """A whole model, name by name."""
    return {
        "config.json": json.dumps(CONFIG).encode(),
        "generation_config.json": json.dumps({"temperature": 0.6, "top_p": 0.9, "eos_token_id": [1, 2]}).encode(),
        "tokenizer_config.json": json.dumps({"chat_template": TEMPLATE}).encode(),
        "tokenizer.json": json.dumps({"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": []}).encode(),
        "model.safetensors": safetensors(),
    }


def write_model(folder: Path, contents: dict[str, bytes]) -> Path:
    """The files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model in a folder."""
    return write_model(tmp_path / "model", files())


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on loopback with one open model, `pub/tiny`."""
    server = HubServer()
    server.models["pub/tiny"] = files()
    monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    yield server
    server.close()
