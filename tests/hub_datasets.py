"""Datasets of the Hub on loopback: create one, ask how to send files, send large ones, commit; list and read them."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

COMMIT = "0" * 40  # of every dataset
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Datasets:
    """All datasets by name; `writers` are the tokens that may write. `endpoint` is the address of the whole."""

    endpoint: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    writers: set[str] = field(default_factory=lambda: {"member"})
    large: dict[str, bytes] = field(default_factory=dict)  # by sha256
    gated: set[str] = field(default_factory=set)
    commits: list[tuple[str, list[str]]] = field(default_factory=list)

    def answer(self, method: str, path: str, token: str | None, body: bytes, store: str) -> Reply | None:
        """The reply, or None where this is about something else. `store` is where large files are sent."""
        path = path.partition("?")[0]
        if method == "PUT":
            self.large[path.removeprefix("/large/")] = body
            return 200, {}, b""
        if path == "/api/validate-yaml":
            return _json({"errors": [], "warnings": []})
        if path.startswith("/datasets/") and "/resolve/" in path:
            return self._file(path, token)
        if path == "/api/repos/create":
            return self._create(json.loads(body), token)
        if path.startswith("/datasets/") and path.endswith("/info/lfs/objects/batch"):
            return self._batch(json.loads(body), store)
        if not path.startswith("/api/datasets/"):
            return None
        name = path.removeprefix("/api/datasets/")
        if name.endswith("/preupload/main"):
            return _json({"files": [_mode(file) for file in json.loads(body)["files"]]})
        if name.endswith("/commit/main"):
            return self._commit(name.removesuffix("/commit/main"), body, token)
        return self._read(name, body)

    def publish(self, name: str, files: dict[str, bytes]) -> None:
        """A dataset that everybody sees."""
        self.files[name], self.private[name] = dict(files), False

    def _read(self, name: str, body: bytes) -> Reply:
        for asked, answer in (("/tree/", self._tree), ("/paths-info/", self._paths)):
            if asked in name:
                name, _, rest = name.partition(asked)
                return answer(name, rest, body) if name in self.files else self._listing(name)
        return self._listing(name.partition("/revision/")[0])

    def _tree(self, name: str, rest: str, _: bytes) -> Reply:
        """All files below a folder; the real Hub gives those of the folder alone unless it is asked for all."""
        folder = urllib.parse.unquote(rest.partition("/")[2])
        return _json([self._entry(name, path) for path in self.files[name] if path.startswith(folder)])

    def _paths(self, name: str, _: str, body: bytes) -> Reply:
        asked = (
            urllib.parse.parse_qs(body.decode()).get("paths", [])
            if not body.startswith(b"{")
            else json.loads(body)["paths"]
        )
        return _json([self._entry(name, path) for path in asked if path in self.files[name]])

    def _entry(self, name: str, path: str) -> dict[str, Any]:
        body = self.files[name][path]
        return {"type": "file", "path": path, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}

    def _file(self, path: str, token: str | None) -> Reply:
        name, _, rest = path.removeprefix("/datasets/").partition("/resolve/")
        file = urllib.parse.unquote(rest.partition("/")[2])
        if name not in self.files:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        if name in self.gated and token not in self.writers:
            return (403 if token else 401), {"X-Error-Code": "GatedRepo"}, b""
        if file not in self.files[name]:
            return 404, {"X-Error-Code": "EntryNotFound"}, b""
        body = self.files[name][file]
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(body).hexdigest()}"'}, body

    def _create(self, asked: dict[str, Any], token: str | None) -> Reply:
        name = f"{asked['organization']}/{asked['name']}"
        if token not in self.writers:
            return 403, {}, b'{"error": "no rights"}'
        if name in self.files:
            return 409, {}, json.dumps({"url": f"{self.endpoint}/datasets/{name}"}).encode()
        assert asked["type"] == "dataset"
        self.files[name], self.private[name] = {}, asked["private"]
        return _json({"url": f"{self.endpoint}/datasets/{name}", "name": name})

    def _listing(self, name: str) -> Reply:
        if name not in self.files:
            return 401, {"X-Error-Code": "RepoNotFound"}, b""
        siblings = [{"rfilename": path} for path in self.files[name]]
        return _json(
            {
                "id": name,
                "sha": COMMIT,
                "private": self.private[name],
                "siblings": siblings,
                "gated": "auto" if name in self.gated else False,
            }
        )

    def _batch(self, asked: dict[str, Any], store: str) -> Reply:
        return _json({"transfer": "basic", "objects": [
            {**one, "actions": {"upload": {"href": f"{store}/large/{one['oid']}"}}} for one in asked["objects"]
        ]})  # fmt: skip

    def _commit(self, name: str, body: bytes, token: str | None) -> Reply:
        if token not in self.writers:
            return 403, {}, b'{"error": "no rights"}'
        lines = [json.loads(line) for line in body.splitlines()]
        for line in lines[1:]:
            value = line["value"]
            content = self.large[value["oid"]] if line["key"] == "lfsFile" else base64.b64decode(value["content"])
            self.files[name][value["path"]] = content
        self.commits.append((name, sorted(line["value"]["path"] for line in lines[1:])))
        oid = f"{len(self.commits):040x}"
        return _json({"commitUrl": f"{self.endpoint}/datasets/{name}/commit/{oid}", "commitOid": oid})


def _mode(file: dict[str, Any]) -> dict[str, Any]:
    """Parquet goes to the store, as every new dataset's .gitattributes say."""
    mode = "lfs" if file["path"].endswith(".parquet") else "regular"
    return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False}


def _json(value: Any) -> Reply:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()
