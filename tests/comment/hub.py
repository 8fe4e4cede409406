"""A stand-in of GitHub's REST API, as far as comments need it: pages, rights, limits of rate, artifacts, errors on demand."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "ghs_token"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
HEAD = "a" * 40


def zipped(text: str, name: str = "comment.md") -> bytes:
    """An artifact as the API sends it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return data.getvalue()


BRANCH = "`; rm -rf ~`"


def pull(number: int, commit: str = HEAD, repository: int = 4, branch: str = BRANCH) -> dict[str, Any]:
    """An open pull request."""
    return {"number": number, "head": {"sha": commit, "ref": branch, "repo": {"id": repository}}}


@dataclass
class Hub:
    """The state of one repository; `trouble` are replies (status, headers) that are given first, each once, by `METHOD path`."""

    address: str = ""
    event: str = "pull_request"
    head: str = HEAD
    pulls: list[dict[str, Any]] = field(default_factory=lambda: [pull(7)])
    artifacts: dict[str, bytes] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    trouble: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    lost: bool = False  # the next POST is carried out, and its reply gets lost
    read_only: bool = False
    leaked: list[str] = field(default_factory=list)  # where the token went besides the API

    def environment(self) -> dict[str, str]:
        """What the runner sets."""
        return {
            "GITHUB_API_URL": self.address, "GITHUB_REPOSITORY": "lab/evaluations", "GITHUB_TOKEN": TOKEN,
            "GITHUB_SERVER_URL": "https://github.com",
        }  # fmt: skip

    def add(self, body: str, user: dict[str, str] = BOT) -> int:
        """A comment that exists already; its id."""
        number = 100 + len(self.comments)
        self.comments.append({"id": number, "user": dict(user), "body": body})
        return number

    def writes(self) -> list[str]:
        """The calls that change something."""
        return [call for call in self.calls if not call.startswith("GET")]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        """Nothing on the test's output."""

    def _handle(self) -> None:
        hub, parts = self.hub, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        if parts.path.startswith("/storage/"):
            if self.headers.get("Authorization"):
                hub.leaked.append(parts.path)
            return self._reply(200, hub.artifacts[parts.path.rsplit("/", 1)[1]])
        call = f"{self.command} {parts.path.removeprefix('/repos/lab/evaluations')}"
        hub.calls.append(call)
        if troubles := hub.trouble.get(call):
            status, headers = troubles.pop(0)
            return self._reply(status, b'{"message": "trouble"}', headers)
        if self.headers.get("PRIVATE-TOKEN") == "glpat-x":
            return self._gitlab(parts.path, parts.query, data)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._reply(401, b'{"message": "Bad credentials"}')
        if hub.read_only and self.command != "GET":
            return self._reply(403, b'{"message": "Resource not accessible by integration"}')
        return self._answer(call.split(" ", 1)[1], parts.query, data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

    def _answer(self, path: str, query: str, data: bytes) -> None:
        hub = self.hub
        if path.endswith("/zip"):
            name = path.split("/")[3]
            return self._reply(302, b"", {"Location": f"{hub.address}/storage/{name}"})
        if path == "/actions/runs/55":
            return self._json(
                {
                    "event": hub.event,
                    "head_sha": hub.head,
                    "head_branch": BRANCH,
                    "pull_requests": [],
                    "head_repository": {"id": 4, "full_name": "fork/evaluations"},
                }
            )
        if path == "/actions/runs/55/artifacts":
            found = [{"id": int(name), "name": "evalctl-comment", "expired": False} for name in hub.artifacts]
            return self._json({"total_count": len(found), "artifacts": found})
        if path == "/pulls":
            return self._page(hub.pulls, query)
        if path == "/issues/7/comments" and self.command == "GET":
            return self._page(hub.comments, query)
        if path == "/issues/7/comments":
            hub.add(json.loads(data)["body"])
            if hub.lost:
                hub.lost = False
                return self._reply(502, b"")
            return self._json(hub.comments[-1], 201)
        if path.startswith("/issues/comments/"):
            number = int(path.rsplit("/", 1)[1])
            if self.command == "DELETE":
                hub.comments[:] = [one for one in hub.comments if one["id"] != number]
                return self._reply(204, b"")
            (comment,) = [one for one in hub.comments if one["id"] == number]
            comment["body"] = json.loads(data)["body"]
            return self._json(comment)
        return self._reply(404, b'{"message": "Not Found"}')

    def _gitlab(self, path: str, query: str, data: bytes) -> None:
        """GitLab's API of notes."""
        hub, notes = self.hub, "/projects/3/merge_requests/7/notes"
        if path == "/user":
            return self._json({"id": 5, "username": "project_3_bot"})
        if path == notes and self.command == "GET":
            return self._page([{"author": one["user"], "system": False, **one} for one in hub.comments], query)
        if path == notes:
            hub.add(json.loads(data)["body"], {"username": "project_3_bot"})
            return self._json(hub.comments[-1], 201)
        (comment,) = [one for one in hub.comments if path == f"{notes}/{one['id']}"]
        comment["body"] = json.loads(data)["body"]
        return self._json(comment)

    def _page(self, items: list[dict[str, Any]], query: str) -> None:
        asked = parse_qs(query)
        size, page = min(100, int(asked["per_page"][0])), int(asked["page"][0])
        self._json(items[(page - 1) * size : page * size])

    def _json(self, document: Any, status: int = 200) -> None:
        self._reply(status, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _reply(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving() -> Iterator[Hub]:
    """The API on this machine."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
