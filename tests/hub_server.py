"""A server that behaves like the Hugging Face Hub, on loopback."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
import urllib.parse
from typing import Any

from hub_datasets import Datasets

Reply = tuple[int, dict[str, str], bytes]
STEP = 64 * 1024


class HubServer:
    """The part of the Hub's HTTP interface that matters here: listing, resolve, redirect to a store, gates, errors.

    `stop_after` is how many bytes of a store's file are sent before the line goes quiet until `go_on` is set.
    """

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.names: dict[str, str] = {}  # of branches and tags, with their commits
        self.gated: set[str] = set()
        self.members = {"member"}
        self.refuse: int | None = None
        self.obeys_range = True
        self.listed_parameters: int | None = None
        self.log: list[tuple[str, str, str | None, int]] = []  # (host, path, token, bytes taken)
        self.stop_after: int | None = None
        self.go_on = threading.Event()
        self.datasets = Datasets()
        self.store = _serve(self, "store")
        self.front = _serve(self, "front")
        self.datasets.endpoint = self.endpoint

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT names."""
        return f"http://127.0.0.1:{self.front.server_port}"

    def close(self) -> None:
        """Both servers end."""
        self.go_on.set()
        for server in (self.store, self.front):
            server.shutdown()
            server.server_close()

    def taken(self, file: str) -> int:
        """How many bytes of a store's file all clients took together."""
        return sum(size for host, path, _, size in self.log if host == "store" and path.endswith(f"/{file}"))

    @property
    def store_address(self) -> str:
        """Where large files lie."""
        return f"http://127.0.0.1:{self.store.server_port}"

    def answer(self, host: str, path: str, token: str | None) -> Reply:
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

    def _listing(self, name: str) -> Reply:
        name, _, revision = name.partition("/revision/")
        if name not in self.models:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        # One segment of the path: the real Hub takes `refs%2Fpr%2F3`, not `refs/pr/3`.
        named = None if "/" in revision else self.names.get(urllib.parse.unquote(revision))
        if revision and sha_of(name) not in (revision, named):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b""
        siblings = [{"rfilename": file, "size": len(body)} for file, body in self.models[name].items()]
        info: dict[str, Any] = {
            "id": name,
            "sha": sha_of(name),
            "siblings": siblings,
            "gated": "auto" if name in self.gated else False,
        }
        if self.listed_parameters:
            info["safetensors"] = {"parameters": {"BF16": self.listed_parameters}, "total": self.listed_parameters}
        return 200, {}, json.dumps(info).encode()

    def _file(self, name: str, revision: str, file: str, token: str | None) -> Reply:
        if name in self.gated and token not in self.members:
            return (403 if token else 401), {"X-Error-Code": "GatedRepo"}, b""
        if revision != sha_of(name) or file not in self.models[name]:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        body = self.models[name][file]
        facts = {"X-Repo-Commit": revision, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}
        if not file.endswith(".safetensors"):
            return 200, facts, body
        linked = {"X-Linked-Size": str(len(body)), "X-Linked-Etag": f'"{hashlib.sha256(body).hexdigest()}"'}
        place = f"{self.store_address}/blob/{name}/{file}"
        return 302, {**facts, **linked, "Location": place}, b""


def sha_of(name: str) -> str:
    """The commit that the stand-in gives a model."""
    return hashlib.sha1(name.encode()).hexdigest()


def _serve(hub: HubServer, host: str) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self._written():
                return
            body = self._begin()
            hub.log.append((host, self.path, self._token(), self._send(body)))

        def do_HEAD(self) -> None:
            if not self._written():
                self._begin()

        def do_POST(self) -> None:
            assert self._written(), self.path

        def do_PUT(self) -> None:
            self._written()

        def _written(self) -> bool:
            """Whether it was about datasets, and is answered."""
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told = hub.datasets.answer(self.command, self.path, self._token(), body, hub.store_address)
            if told is None:
                return False
            status, headers, reply = told if hub.refuse is None else (hub.refuse, {}, b"{}")
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(reply))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply)
                hub.log.append((host, self.path, self._token(), len(reply)))
            return True

        def _begin(self) -> bytes:
            """Sends status and headers; what is to follow."""
            status, headers, body = hub.answer(host, self.path, self._token())
            asked = self.headers.get("Range")
            if asked and status == 200 and hub.obeys_range:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                end = min(int(last) + 1, len(body)) if last else len(body)
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(body)}"
                status, body = 206, body[int(first) : end]
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            return body

        def _token(self) -> str | None:
            return (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None

        def _send(self, body: bytes) -> int:
            """How much the client took before it hung up."""
            for start in range(0, len(body), STEP):
                if host == "store" and hub.stop_after is not None and start >= hub.stop_after:
                    hub.go_on.wait()
                try:
                    self.wfile.write(body[start : start + STEP])
                except ConnectionError:
                    return start
            return len(body)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
