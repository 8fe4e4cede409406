"""A small model written file by file, and a server that behaves like the Hub."""

from __future__ import annotations

import hashlib
import http.server
import json
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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


class HubServer:
    """The part of the Hub's HTTP interface that matters here: listing, resolve, redirect to a store, gates, errors."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.members = {"member"}
        self.refuse: int | None = None
        self.obeys_range = True
        self.listed_parameters: int | None = None
        self.log: list[tuple[str, str, str | None, int]] = []  # (host, path, token, bytes taken)
        self.store = _serve(self, "store")
        self.front = _serve(self, "front")

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT names."""
        return f"http://127.0.0.1:{self.front.server_port}"

    def close(self) -> None:
        """Both servers end."""
        for server in (self.store, self.front):
            server.shutdown()
            server.server_close()

    def answer(self, host: str, path: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for one GET."""
        if self.refuse is not None:
            return self.refuse, {}, b""
        if host == "store":
            name, _, file = path.removeprefix("/blob/").rpartition("/")
            return 200, {}, self.models[name][file]
        if path.startswith("/api/models/"):
            return self._listing(path.removeprefix("/api/models/").partition("?")[0])
        name, _, rest = path.removeprefix("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        return self._file(name, revision, file, token)

    def _listing(self, name: str) -> tuple[int, dict[str, str], bytes]:
        name, _, revision = name.partition("/revision/")
        if name not in self.models:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        if revision and revision != sha_of(name):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        siblings = [{"rfilename": file, "size": len(body)} for file, body in self.models[name].items()]
        info: dict[str, Any] = {
            "sha": sha_of(name),
            "siblings": siblings,
            "gated": "auto" if name in self.gated else False,
        }
        if self.listed_parameters:
            info["safetensors"] = {"parameters": {"BF16": self.listed_parameters}, "total": self.listed_parameters}
        return 200, {}, json.dumps(info).encode()

    def _file(self, name: str, revision: str, file: str, token: str | None) -> tuple[int, dict[str, str], bytes]:
        if name in self.gated and token not in self.members:
            return (403 if token else 401), {"X-Error-Code": "GatedRepo"}, b""
        if revision != sha_of(name) or file not in self.models[name]:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        if file.endswith(".safetensors"):
            return 302, {"Location": f"http://127.0.0.1:{self.store.server_port}/blob/{name}/{file}"}, b""
        return 200, {}, self.models[name][file]


def sha_of(name: str) -> str:
    """The commit that the stand-in gives a model."""
    return hashlib.sha1(name.encode()).hexdigest()


def _serve(hub: HubServer, host: str) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
            status, headers, body = hub.answer(host, self.path, token)
            asked = self.headers.get("Range")
            if asked and status == 200 and hub.obeys_range:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                status, body = 206, body[int(first) : int(last) + 1]
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            hub.log.append((host, self.path, token, self._send(body)))

        def _send(self, body: bytes) -> int:
            """How much the client took before it hung up."""
            step = 64 * 1024
            for start in range(0, len(body), step):
                try:
                    self.wfile.write(body[start : start + step])
                except ConnectionError:
                    return start
            return len(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


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
