"""A model's server as a process of its own, so that it can be killed: `python model_process.py PORT_FILE LOG SECONDS`.

Answers each prompt with the same words every time. LOG gets a line per prompt that it was asked.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PORT_FILE, LOG, SECONDS = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])


class Handler(BaseHTTPRequestHandler):
    """Speaks as much of the API as a relay needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Healthy as long as it lives."""
        self.reply(200 if self.path == "/health" else 404, {})

    def do_POST(self) -> None:
        """One prompt."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        with LOG.open("a", encoding="utf-8") as log:
            log.write(json.dumps(prompt) + "\n")
        time.sleep(SECONDS)
        text = hashlib.sha256(prompt.encode()).hexdigest()[:8]
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        self.reply(
            200, {"id": "c", "object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": 8}}
        )

    def reply(self, status: int, body: Any) -> None:
        """JSON."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """The log is what was asked."""


class Model(ThreadingHTTPServer):
    """Takes a whole burst of connections at once."""

    request_queue_size = 512


server = Model(("127.0.0.1", 0), Handler)
draft = PORT_FILE.with_suffix(".draft")
draft.write_text(str(server.server_address[1]))
os.replace(draft, PORT_FILE)  # noqa: PTH105 - as a job writes it
server.serve_forever()
