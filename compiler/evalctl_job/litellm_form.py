"""The form of requests and replies that litellm gives them, without a call of litellm for each question.

litellm decides for each provider which parameters it sends under which names. It is asked once for each set of parameters, against a
server of this process that keeps the request; all questions with these parameters are then sent in that form.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Of a call of litellm, what is not sent with the question.
_NOT_SENT = ("messages", "base_url", "api_key", "caching", "timeout")
_REPLY = {
    "id": "form", "object": "chat.completion", "created": 0, "model": "form",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "0"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip
Completion = Callable[..., Any]
Call = Mapping[str, Any]


class Forms:
    """The request of each call, as litellm would send it."""

    def __init__(self, completion: Completion) -> None:
        """`completion` is litellm's own function."""
        self._completion = completion
        self._known: dict[str, dict[str, Any] | None] = {}

    def request(self, call: Call) -> dict[str, Any]:
        """The body of the request. A provider for which litellm changes messages is asked about each question."""
        messages = call["messages"]
        if any(
            isinstance(one.get("content"), list) for one in messages
        ):  # with images, for one: each has a form of its own
            return self._sent(call)
        alike = _alike(call)
        if alike not in self._known:
            sent = self._sent(call)
            self._known[alike] = sent if sent.get("messages") == messages else None
        form = self._known[alike]
        return self._sent(call) if form is None else {**form, "messages": messages}

    def _sent(self, call: Call) -> dict[str, Any]:
        with _kept_requests() as (address, kept):
            self._completion(**{**call, "base_url": address, "api_key": "none", "caching": False, "timeout": 60})
        sent: dict[str, Any] = kept[0]
        return sent


def _alike(call: Call) -> str:
    """Equal for two calls whose requests differ in the texts of the messages only."""
    rest = {name: value for name, value in call.items() if name not in _NOT_SENT}
    shape = [(sorted(one), one.get("role"), type(one.get("content")).__name__) for one in call["messages"]]
    return json.dumps([rest, shape], sort_keys=True, default=repr)


@contextmanager
def _kept_requests() -> Iterator[tuple[str, list[Any]]]:
    """The address of a server that answers every request with one text, and the requests that it got."""
    kept: list[Any] = []
    path = f"/{os.urandom(16).hex()}/"  # another user of the node can reach the port
    with ThreadingHTTPServer(("127.0.0.1", 0), _keeping(kept, path)) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{path}v1", kept
        finally:
            server.shutdown()
            serving.join()


def _keeping(kept: list[Any], path: str) -> type[BaseHTTPRequestHandler]:
    class Keeps(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            if not self.path.startswith(path):
                self.send_error(404)
                return
            kept.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            content = json.dumps(_REPLY).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Nothing: the framework's log is for the framework."""

    return Keeps


def reply(litellm: Any, answer: dict[str, Any]) -> Any:
    """litellm's object for a chat completion, read as it reads every reply (it moves a leading <think> into the reasoning, for one)."""
    from litellm.litellm_core_utils.llm_response_utils.convert_dict_to_response import (  # only job environments have it
        convert_to_model_response_object,
    )

    return convert_to_model_response_object(response_object=answer, model_response_object=litellm.ModelResponse())
