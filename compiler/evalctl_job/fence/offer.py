"""Finds out which fence this machine grants, by entering it and trying what it is to deny.

python -m evalctl_job.fence.offer          prints it as JSON: `evalctl doctor`, the site test, a job before its server
"""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evalctl_job.fence import view
from evalctl_job.fence.minder import RunPlace, run
from evalctl_job.fence.words import FILES, KEYS, LANDLOCK, LIMITS, NAMESPACES, NETWORK, PROCESSES, Fence
from evalctl_job.files import json_text


def offered(place: RunPlace) -> Fence:
    """The best fence here; that of a lower kind says why there is no higher one."""
    problems: list[str] = []
    for kind in (NAMESPACES, LANDLOCK, LIMITS):
        fence = _tried(kind, place)
        if kind == LIMITS or not fence.left_open:
            return Fence(kind=fence.kind, denies=fence.denies, why="; ".join([*problems, *filter(None, [fence.why])]))
        problems.append(f"{kind}: {fence.why or f'leaves open: {chr(44).join(fence.left_open)}'}")
    raise AssertionError("the last kind is always taken")


def _tried(kind: str, place: RunPlace) -> Fence:
    """The fence of this kind as code behind it finds it."""
    with (
        tempfile.NamedTemporaryFile(dir=place.folder, prefix="secret") as secret,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        attempts = dict(_attempts(os.getpid(), secret.name, server.getsockname()[1]))
        found = in_child(
            lambda link: run(lambda: [name for name, attempt in attempts.items() if _fails(attempt)], kind, place, link)
        )
    if isinstance(found, str):
        return Fence(kind=kind, why=found)
    return Fence(kind=kind, denies=tuple(found))


def _attempts(process: int, secret: str, port: int) -> Iterator[tuple[str, Callable[[], object]]]:
    yield KEYS, lambda: Path(f"/proc/{process}/environ").read_bytes()
    yield FILES, lambda: Path(secret).read_bytes()
    yield NETWORK, lambda: socket.create_connection(("127.0.0.1", port), 1).close()
    yield PROCESSES, lambda: os.kill(process, 0)


def _fails(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False


def in_child(call: Callable[[socket.socket], Any]) -> Any:
    """What it returns in a child of this process, whose namespaces it may change; the text of its error otherwise."""
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        try:
            value = call(theirs)
        except Exception as error:
            value = f"{error}"
        with suppress(OSError):
            theirs.sendall(json_text(value).encode())
        os._exit(0)
    theirs.close()
    with ours, ours.makefile("rb") as answer:
        text = answer.read()
    os.waitpid(process, 0)
    return json.loads(text) if text else "it ended without an answer"


def main() -> int:
    """Prints it; exit code 0 in every case."""
    with tempfile.TemporaryDirectory(prefix="ev-code-") as folder:
        sys.stdout.write(json_text(asdict(offered(RunPlace(folder, view.readable())))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
