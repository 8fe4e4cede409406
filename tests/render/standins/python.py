"""Stands in for the framework environment's python: the job itself is real, programs beside it are small copies."""

import http.client
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

RUN = Path(os.environ["EVALCTL_RUN_DIR"])


def option(name):
    """The word after an option."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def asked_upstream(path):
    """What the server says, wherever it is now."""
    base = urlsplit(option("--upstream") or Path(option("--upstream-file")).read_text().strip())
    link = http.client.HTTPConnection((base.scheme == "http" and base.hostname) or "localhost", base.port, timeout=60)
    if base.scheme != "http":
        link.sock = socket.socket(socket.AF_UNIX)
        link.sock.connect(unquote(base.netloc))
    link.request("POST", base.path + path, b"{}")
    try:
        return link.getresponse().read()
    except http.client.HTTPException as problem:
        raise OSError from problem
    finally:
        link.close()


def is_merge(key):
    """Whether nothing may be asked."""
    options = json.loads(Path(option("--state"), f"{key}.options.json").read_text())
    return "shards" in options and "shard" not in options


def lacking(key):
    """The shards that have not answered, as the test has it."""
    file = RUN / "lacking"
    return json.loads(file.read_text()) if is_merge(key) and file.exists() else []


class Relay(BaseHTTPRequestHandler):
    """Passes questions on and counts them per task."""

    asked: ClassVar[dict] = {}
    answered: ClassVar[dict] = {}

    def parse_request(self):
        """Refuses, as the real one does, whoever does not have the job's key."""
        whole = super().parse_request()
        if whole and self.headers.get("Authorization") != f"Bearer {os.environ['EVALCTL_RELAY_KEY']}":
            self.send_error(401)
            return False
        return whole

    def do_GET(self):
        key = self.path.split("/")[2]
        self.say(self.noted(key).encode())

    def noted(self, key):
        """The counts, written beside and renamed as the real relay writes them."""
        asked, path = self.asked.get(key, 0), Path(option("--state"), f"{key}.counts.json")
        counts = json.dumps({"requests": asked, "asked": asked, "answered": self.answered.get(key, 0), "failed": 0,
                             "lacking": lacking(key)})  # fmt: skip
        draft = path.with_suffix(f".{threading.get_ident()}")
        draft.write_text(counts)
        draft.rename(path)
        return counts

    def do_POST(self):
        if self.path.endswith("/again"):
            key = self.path.split("/")[2]
            self.asked[key] = self.answered[key] = 0
            self.say(b"{}")
            return
        self.rfile.read(int(self.headers["Content-Length"]))
        key, path = self.path.split("/")[2], self.path.split("/v1", 1)[1]
        self.asked[key] = self.asked.get(key, 0) + 1
        self.noted(key)
        answer = b"{}" if is_merge(key) else None
        while answer is None:  # like the real one: a server that is not there yet, or is started again, is waited for
            try:
                answer = asked_upstream(path)
            except OSError:
                time.sleep(0.05)
        self.answered[key] = self.answered.get(key, 0) + 1
        self.noted(key)
        self.say(answer)

    def say(self, body):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def relay():
    """The relay, until its parent is gone."""
    with (RUN / "relay.json").open("a") as file:
        secrets = {
            name: value
            for name, value in os.environ.items()
            if name.endswith(("_KEY", "_TOKEN")) and name != "EVALCTL_RELAY_KEY"
        }
        print(json.dumps({"argv": sys.argv[3:], "secrets": secrets}), file=file)
    if (RUN / "end-all").exists():  # as a scheduler does it: everything gets the signal
        os.kill(os.getppid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    loads = RUN / "relay-loads-until"
    while loads.exists() and not (RUN / loads.read_text()).exists():
        time.sleep(0.05)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay, bind_and_activate=False)
    server.socket = socket.socket(fileno=int(option("--listen-fd")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Path(option("--listen-port-file")).write_text(f"{server.socket.getsockname()[1]}\n")
    parent = os.getppid()
    while os.getppid() == parent and not (RUN / "kill-relay").exists():
        time.sleep(0.1)


def accept():
    """Exit code and counts are all it looks at."""
    state, key = Path(option("--state")), option("--task-key")
    counts = json.loads((state / f"{key}.counts.json").read_text())
    shard = "--shard" in sys.argv
    good = option("--exit-code") == ("87" if shard else "0") and counts["asked"] > 0 and not counts["lacking"]
    stalled = (state / f"{key}.stalled").exists()
    reason = "framework-stalled" if stalled else "framework-failed"
    verdict = {"verdict": "done" if good else "failed", "reason": None if good else reason, "detail": 'said "no"',
               "scores": {} if shard else {f"{option('--task-key')}|0": {"em": 0.5}}, "argv": sys.argv[3:]}  # fmt: skip
    Path(option("--into")).write_text(json.dumps(verdict))
    sys.exit(0 if good else 1)


def checkpoint():
    """The real one's words; from the look on that the file `weights-change-at` names, the weights are others."""
    with (RUN / "checkpoint.json").open("a") as file:
        print(json.dumps({"argv": sys.argv[3:]}), file=file)
    looks = len((RUN / "checkpoint.json").read_text().splitlines())
    killed = RUN / "check-killed-at"
    if killed.exists() and looks >= int(killed.read_text()):
        os.kill(os.getpid(), signal.SIGTERM)
    change = RUN / "weights-change-at"
    if change.exists() and looks >= int(change.read_text()):
        sys.exit("the files are not those of the model card")


def real(program):
    """A program of the job itself; these need nothing but Python."""
    sys.path.insert(0, "SOURCES")  # the folder, in the copy that runs
    module = importlib.import_module(f"evalctl_job.{program}")
    sys.exit(module.main() if program == "run" else module.main(sys.argv[3:]))


def stall():
    """Where the test asks for it."""
    if (RUN / "stall").exists():
        real("stall")


def fence():
    """Whole, unless the test wants a kernel that refuses it."""
    refused = (RUN / "kernel-refuses").exists()
    kind, denies = ("limits", []) if refused else ("namespaces", ["keys", "files", "network", "processes"])
    sys.stdout.write(json.dumps({"kind": kind, "denies": denies, "why": "unshare: not permitted" if refused else ""}))


del sys.argv[1 : sys.argv.index("-m")]
PROGRAMS = {
    "relay": relay,
    "accept": accept,
    "checkpoint": checkpoint,
    "stall": stall,
    "run": lambda: real("run"),
    "fence.offer": fence,
}
PROGRAMS[sys.argv[2].removeprefix("evalctl_job.")]()
