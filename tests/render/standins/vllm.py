"""Stands in for `vllm`: serves /health, /version, /v1/models and canned answers, and dies as STANDIN_SERVER says."""

import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

WAY = os.environ.get("STANDIN_SERVER", "")
RUN = Path(os.environ["EVALCTL_RUN_DIR"])
ARGV = sys.argv[1:]
SOCKET = ARGV[ARGV.index("--uds") + 1]
NAME = ARGV[ARGV.index("--served-model-name") + 1]
SECRETS = sorted(name for name in os.environ if name.endswith(("_KEY", "_TOKEN")))


class Answers(BaseHTTPRequestHandler):
    """What the job asks of a server."""

    def do_GET(self):
        says = {"/health": "", "/version": {"version": "0.0-standin"}, "/v1/models": {"data": [{"id": NAME}]}}
        self.say(says[self.path])

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        first = len((RUN / "vllm.json").read_text().splitlines()) == 1
        if WAY == "dies-when-asked" or (WAY == "dies-when-first-asked" and first):
            sys.stderr.write("torch.OutOfMemoryError: CUDA out of memory.\n")
            os._exit(1)
        self.say({"choices": [{"message": {"content": "42"}}]})

    def say(self, what):
        body = json.dumps(what).encode() if what else b""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


SAYS = {"argv": ARGV, "secrets": SECRETS, "devices": os.environ.get("CUDA_VISIBLE_DEVICES")}
SAYS |= {
    "cwd": str(Path.cwd()),
    "beside": sorted(path.name for path in Path().iterdir()),
    "of_vllm": [name for name in os.environ if name.startswith("VLLM_")],
    "sockets": os.environ.get("VLLM_RPC_BASE_PATH"),
}
if "--chat-template" in ARGV:
    TEMPLATE = Path(ARGV[ARGV.index("--chat-template") + 1])
    SAYS |= {"template": TEMPLATE.read_bytes().decode(), "mode": oct(TEMPLATE.stat().st_mode & 0o777)}
with (RUN / "vllm.json").open("a") as file:
    print(json.dumps(SAYS), file=file)
if WAY == "no-think-tags":
    sys.exit("ValueError: DeepSeekR1ReasoningParser could not locate think start/end tokens in the tokenizer!")
if WAY == "starts-slowly":
    time.sleep(2)
if WAY == "never-ready":
    time.sleep(600)
if WAY == "leaves-a-child":  # as vLLM's workers: a session of its own, and no environment to be known by
    subprocess.Popen([f"child of {RUN}", "613"], executable="/bin/sleep", start_new_session=True, env={})
if WAY == "dies-later":
    threading.Timer(1.5, os._exit, [1]).start()
socketserver.ThreadingUnixStreamServer.daemon_threads = True
socketserver.ThreadingUnixStreamServer(SOCKET, Answers).serve_forever()
