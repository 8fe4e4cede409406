"""Gives the module of lighteval that runs model-written code, of both dialects, the fence.

Both have one place that does: `run_test`, in a process of its own for each answer. There it asks the runner now, and all that decides
the score stays the framework's: what is run, its time limits, what becomes of the outcome. `attach` is called when the module has been
imported (`environments/packages/lighteval-client`).
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from evalctl_job.fence.lines import receive, send
from evalctl_job.fence.words import (
    BEST_EFFORT,
    FAILED,
    FENCED,
    POLICY_VARIABLE,
    RECORD_VARIABLE,
    REFUSED,
    UNFENCED,
    CodeExecution,
    Fence,
    shown,
)
from evalctl_job.files import json_text, write_json
from evalctl_job.run_folder import LOST
from evalctl_job.typed import read

# Of the framework's variables the runner has only these: none is a key or an address.
_KEPT = re.compile(
    r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|PYTHON(UTF8|HASHSEED|PATH)|(OMP|OPENBLAS|MKL)_\w+|EVALCTL_MARKER"
)
_CALLS = (("codegen_metrics", "evaluate_generations"), ("check_correctness", "run_test"))
_runner: Runner | None = None  # of this process; its forks ask the same one


class NoFence(RuntimeError):
    """Code is not run, since the service demands a fence that is not to be had."""


def attach(module: ModuleType) -> None:
    """Puts the fence around the module's runs; AttributeError for a module that runs code in another way."""
    for caller, name in _CALLS:
        if not _names(getattr(module, caller).__code__, name):
            raise AttributeError(
                f"{module.__name__}.{caller} does not call {name}: the fence does not know this lighteval"
            )
    run_test, evaluate = vars(module)["run_test"], vars(module)["evaluate_generations"]
    if RECORD_VARIABLE in os.environ:
        vars(module)["run_test"] = _fenced(run_test, str(module.__file__))
        vars(module)["evaluate_generations"] = _begun(evaluate, str(module.__file__))


def _names(code: CodeType, name: str) -> bool:
    """Whether a function, or one within it, uses the name."""
    return name in code.co_names or any(_names(one, name) for one in code.co_consts if isinstance(one, CodeType))


def _begun(evaluate: Callable[..., Any], measures: str) -> Callable[..., Any]:
    """The function that starts a process for each question, with the runner started before: the processes share it."""

    @wraps(evaluate)
    def evaluate_generations(*arguments: Any, **named: Any) -> Any:
        _of_this_process(measures)
        return evaluate(*arguments, **named)

    return evaluate_generations


def _fenced(run_test: Callable[..., Any], measures: str) -> Callable[..., Any]:
    """The function that runs one answer, behind the fence."""

    @wraps(run_test)
    def run(sample: Any, test: Any = None, timeout: int = 6) -> Any:
        runner = _of_this_process(measures)
        if test is None or runner.policy == UNFENCED:
            return run_test(sample, test=test, timeout=timeout)
        return runner.outcome(sample, test, timeout)

    return run


def _of_this_process(measures: str) -> Runner:
    global _runner
    if _runner is None:
        _runner = Runner(measures)
    return _runner


class Runner:
    """The runner of this framework process, and the record of its fence."""

    def __init__(self, measures: str) -> None:
        """Starts it; NoFence where the service demands more than the kernel grants."""
        self.record = Path(os.environ[RECORD_VARIABLE])
        self.policy = os.environ.get(POLICY_VARIABLE, FENCED)
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fence = Fence() if self.policy == UNFENCED else _started(measures, theirs)
        theirs.close()
        write_json(self.record, asdict(CodeExecution(policy=self.policy, fence=fence.kind, denies=fence.denies)))
        if self.policy not in (UNFENCED, BEST_EFFORT) and fence.left_open:
            self._lose(REFUSED, shown(fence))
            raise NoFence(f"fence-refused: {shown(fence)}")

    def outcome(self, sample: object, test: str, timeout: int) -> Any:
        """What the framework's function returns; ends this process, as code that dies does, where there is none."""
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self._control, [b"r"], [theirs.fileno()])
            theirs.close()
            send(ours, {"sample": sample, "test": test, "timeout": timeout})
            answer = receive(ours)
        except (OSError, EOFError) as problem:
            answer = {"refused": f"its runner has ended ({type(problem).__name__}: {problem})"}
        if "refused" in answer:
            self._lose(FAILED, str(answer["refused"]))
        if "value" not in answer:
            os._exit(1)
        return answer["value"]

    def _lose(self, reason: str, detail: str) -> None:
        """A run without its fence is no score: acceptance finds this file."""
        with suppress(OSError):
            self.record.with_suffix(LOST).write_text(f"{reason}: {detail}", encoding="utf-8")


def _started(measures: str, theirs: socket.socket) -> Fence:
    loaded = sorted(name for name in sys.modules if not name.startswith("evalctl"))
    settings = {"descriptor": theirs.fileno(), "measures": measures, "loaded": loaded}
    variables = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "evalctl_job.fence.runner"], env=variables, pass_fds=[theirs.fileno()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout, "both are pipes"
    with process.stdin, process.stdout:
        with suppress(OSError):
            process.stdin.write(json_text(settings).encode())
            process.stdin.close()
        line = process.stdout.readline()
    return read(Fence, json.loads(line)) if line else Fence(why="its runner ended at its start")
