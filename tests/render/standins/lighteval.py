"""Stands in for `lighteval`: records how it was called, asks one question, ends as its task's name says."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

RUN = Path(os.environ["EVALCTL_RUN_DIR"])
PREFIX, BASE = next((name[:-9], value) for name, value in os.environ.items() if name.endswith("_API_BASE"))
KEY = os.environ[f"{PREFIX}_API_KEY"]
TASK = sys.argv[4].partition("|")[0]
STORIES = Path(sys.argv[0]).with_name("stories.json")  # where tasks have names that lighteval knows: what each does
if STORIES.exists():
    TASK = json.loads(STORIES.read_text())[TASK]
SEEN = {
    name: value
    for name, value in os.environ.items()
    if name.startswith(("HOSTED_", "OPENAI_", "HF_", "LITELLM_", "TASK_", "USE_LITELLM"))
    or name.endswith(("_API_BASE", "_BASE_URL", "_API_URL"))
} | {f"{PREFIX}_API_KEY": f"{len(KEY)} characters"}  # the key itself is in no file
Path("call.json").write_text(
    json.dumps({"argv": sys.argv[1:], "cwd": str(Path.cwd()), "environment": SEEN, "config": Path("config.yaml").read_text(),
                "program": sys.argv[0], "tmp": os.environ.get("TMPDIR"), "begin": time.time()})
)  # fmt: skip
if TASK == "wanders":
    subprocess.Popen([f"child of {RUN}", "617"], executable="/bin/sleep", start_new_session=True)
    time.sleep(600)
if TASK == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if TASK == "escapes":
    subprocess.Popen([f"child of {RUN}", "617"], executable="/bin/sleep", start_new_session=True, env={})
if TASK == "crashes":
    sys.exit("ValueError: broken task")
if TASK in ("slow", "stubborn", "escapes") or (TASK.startswith("slow_once") and RUN.name == "a1"):
    time.sleep(600)


def show(name, done, total):
    """A progress bar as tqdm writes it."""
    sys.stderr.write(f"\r{name}{100 * done // total:3d}%|          | {done}/{total} [00:00<?, ?it/s]")
    sys.stderr.flush()


if TASK.startswith("stall-"):
    show("Splits: ", 0, 1)
    show("", 0, 4)


def ask():
    """One question."""
    asked = urllib.request.Request(f"{BASE}/chat/completions", b"{}", {"Authorization": f"Bearer {KEY}"})
    urllib.request.urlopen(asked, timeout=30).read()


def wait_until(true):
    """A minute at most."""
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    sys.exit("ValueError: it never came")


try:
    ask()
except OSError as problem:
    sys.stderr.write(f"asking failed: {problem}\n")
    time.sleep(600 if TASK == "asks-a-dead-server" else 0)
if TASK.startswith("stall-"):
    show("", 1, 4)
if TASK == "stall-hangs" or (TASK == "stall-once" and not (RUN / "has-stalled").exists()):
    (RUN / "has-stalled").touch()
    time.sleep(600)
if TASK == "stall-computes":  # in a child, longer than a silence may last
    subprocess.run(
        [
            sys.executable,
            "-ISc",
            "import time; a = time.process_time(); [0 for _ in iter(lambda: time.process_time() - a < 4, False)]",
        ]
    )
if TASK.startswith("stall-"):
    show("", 4, 4)
    show("Splits: ", 1, 1)
if TASK == "stall-scores":  # as with a judge elsewhere, whose answers have a bar of their own
    show("", 1, 4)
    time.sleep(6)
if TASK == "scores":  # as long as the other task needs, which has to begin meanwhile
    wait_until(lambda: (RUN / "tasks/other/end").exists())
if TASK == "asks-again":  # after the server was ended
    server = (RUN / "server.pid").read_text().strip()
    wait_until(lambda: not Path("/proc", server).exists())
    ask()
if TASK.startswith("takes-"):
    time.sleep(int(TASK[6]))
if TASK.startswith(
    "pairs-"
):  # the first waits for the second, the third for the fourth; a further one has time to begin
    partner = -(-len(list(RUN.glob("tasks/*/call.json"))) // 2) * 2
    while len(list(RUN.glob("tasks/*/call.json"))) < partner:
        time.sleep(0.05)
    time.sleep(1)
if TASK == "fills-the-disk":
    with Path("full").open("wb", buffering=0) as full:
        while full.write(b"x" * 4096):
            pass
Path("end").write_text(str(time.time()))
if "EVALCTL_ENDS" in os.environ:
    sys.exit(87)
