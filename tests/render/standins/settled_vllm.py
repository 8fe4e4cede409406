"""Stands in for `vllm` where runs are compared: a digit for each question, always the same, after four seconds.

Every question that it is asked is a line of $EVALCTL_RUN_DIR/asked.
"""

import hashlib
import json
import os
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

RUN = Path(os.environ["EVALCTL_RUN_DIR"])
ARGV = sys.argv[1:]
SOCKET, NAME = (ARGV[ARGV.index(option) + 1] for option in ("--uds", "--served-model-name"))


class Answers(BaseHTTPRequestHandler):
    """As much of the API as a job and its relay need."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        says = {"/health": {}, "/version": {"version": "0.0-settled"}, "/v1/models": {"data": [{"id": NAME}]}}
        self.say(200 if self.path in says else 404, says.get(self.path, {}))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][-1]["content"]
        with (RUN / "asked").open("a", encoding="utf-8") as asked:
            asked.write(json.dumps(prompt) + "\n")
        time.sleep(4)
        digit = str(int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % 10)
        choice = {"index": 0, "message": {"role": "assistant", "content": digit}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
        self.say(200, {"id": "c", "object": "chat.completion", "model": NAME, "choices": [choice], "usage": usage})

    def say(self, status, what):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


socketserver.ThreadingUnixStreamServer.request_queue_size = 64
socketserver.ThreadingUnixStreamServer(SOCKET, Answers).serve_forever()
