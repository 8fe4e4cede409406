"""Runs model-written code for a framework: a program that began without the framework's variables, and forks for each run.

    python -m evalctl_job.fence.runner         settings come on stdin, the fence goes to stdout, runs come over a socket

What a run sees loaded is what the framework has loaded: a module that the code names is imported before the clock starts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from types import ModuleType
from typing import Any

from evalctl_job.fence import view
from evalctl_job.fence.lines import receive, send
from evalctl_job.fence.minder import Died, NotFenced, RunPlace, run
from evalctl_job.fence.offer import offered
from evalctl_job.files import json_text

_RAISED = -4  # what LiveCodeBench's own functions return for code that raises
_NAME = re.compile(r"[A-Za-z_]\w*")


def main() -> int:
    """Ends when no process of the framework holds the other end of the socket."""
    settings = json.load(sys.stdin)
    module, loaded = _loaded_from(settings["measures"]), settings["loaded"]
    with (
        tempfile.TemporaryDirectory(prefix="ev-code-") as folder,
        socket.socket(fileno=settings["descriptor"]) as control,
    ):
        place = RunPlace(folder, view.readable())
        fence = offered(place)
        os.write(1, json_text(asdict(fence)).encode())
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # what code prints must not fail, nor reach the framework
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for minders
        while (received := socket.recv_fds(control, 1, 1))[0]:
            link = socket.socket(fileno=received[1][0])
            if os.fork() == 0:
                control.close()
                _minded(module, loaded, fence.kind, place, link)
            link.close()
    return 0


def _minded(module: ModuleType, loaded: Collection[str], kind: str, place: RunPlace, link: socket.socket) -> None:
    """Never returns. Answers the one request of the link."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        request = receive(link)
        try:
            answer = {"value": run(partial(_measured, module, loaded, request), kind, place, link)}
        except Died as problem:
            answer = {"died": str(problem)}
        except NotFenced as problem:
            answer = {"refused": str(problem)}
        with suppress(OSError):
            send(link, answer)
    finally:
        os._exit(0)


def _loaded_from(path: str) -> ModuleType:
    """The framework's module that runs code, without the framework around it."""
    spec = importlib.util.spec_from_file_location("evalctl_measures", path)
    assert spec is not None and spec.loader is not None, "a file of Python"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _measured(module: Any, loaded: Iterable[str], request: dict[str, Any]) -> list[Any]:
    """What the framework's own function returns, as plain numbers."""
    test = request["test"]
    named = {*_NAME.findall(module.import_string + test)}
    for name in loaded:
        if name not in sys.modules and name.partition(".")[0] in named:
            with suppress(Exception):
                importlib.import_module(name)
    return [_plain(module, one) for one in module.run_test(request["sample"], test=test, timeout=request["timeout"])]


def _plain(module: Any, value: Any) -> Any:
    """As the framework makes its values plain; an object of the code's own that is no number counts as an error."""
    if isinstance(value, module.np.ndarray) and value.size:
        value = value.item(0)
    elif isinstance(value, module.np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float) else _RAISED


if __name__ == "__main__":
    sys.exit(main())
