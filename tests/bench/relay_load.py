"""Asks a stub of a model's server with and without a relay; runs in the framework's environment, prints JSON.

python relay_load.py WAIT_MILLISECONDS CONCURRENT REQUESTS      one line: {"direct", "relayed", "replayed"} …
python relay_load.py --serve PORT_FILE WAIT_MILLISECONDS        the stub, as a process of its own
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from aiohttp import web

TEXT = "答え " * 100
RELAY = [sys.executable, "-m", "evalctl_job.relay"]
KEY = "0" * 64


def main() -> None:
    """Three runs of the same load: straight, through a new relay, and through one that has the answers."""
    wait, concurrent, requests = map(int, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder, stub(Path(folder), wait) as server:
        found = {"direct": asyncio.run(load(server, concurrent, requests))}
        for name in ("relayed", "replayed"):
            socket = quote(str(Path(folder, "stub.sock")), safe="")  # as a job's own server
            with relay(Path(folder), name, f"http+unix://{socket}/v1") as (process, address):
                found[name] = asyncio.run(load(f"{address}/task/t/v1", concurrent, requests))
                found[name]["relay_cpu"] = cpu_seconds(process.pid)
    sys.stdout.write(json.dumps(found) + "\n")


@contextmanager
def stub(folder: Path, wait: int) -> Iterator[str]:
    """The model's server: where it listens."""
    port = folder / "stub.port"
    with started([sys.executable, __file__, "--serve", str(port), str(wait)], port) as (_, address):
        yield f"{address}/v1"


@contextmanager
def relay(folder: Path, name: str, server: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A relay whose answers outlive it."""
    state = folder / name
    state.mkdir()
    (state / "t.answers.jsonl").symlink_to(folder / "answers.jsonl")
    flags = ["--upstream", server, "--state", str(state), "--listen-port-file", str(state / "port")]
    with started([*RELAY, *flags], state / "port") as both:
        yield both


@contextmanager
def started(command: list[str], port_file: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process, and its address once it has one."""
    process = subprocess.Popen(command, env={**os.environ, "EVALCTL_RELAY_KEY": KEY})
    try:
        while not port_file.exists():
            if process.poll() is not None:
                raise SystemExit(f"{command[1]} ended with {process.returncode}")
            time.sleep(0.02)
        yield process, f"http://127.0.0.1:{port_file.read_text().strip()}"
    finally:
        process.terminate()
        process.wait()


async def load(base: str, concurrent: int, requests: int) -> dict[str, Any]:
    """Seconds of all requests together and of each one alone."""
    numbers, alone = iter(range(requests)), []
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as session:
        await one(session, base, -1)  # a first one, so that no run pays for first times

        async def worker() -> None:
            for number in numbers:
                begin = time.perf_counter()
                await one(session, base, number)
                alone.append(time.perf_counter() - begin)

        begin = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrent)))
        return {"seconds": time.perf_counter() - begin, "median": sorted(alone)[len(alone) // 2]}


async def one(session: aiohttp.ClientSession, base: str, number: int) -> None:
    """One question, which has to be answered."""
    body = {"model": "m", "messages": [{"role": "user", "content": f"質問 {number}"}], "temperature": 0.6}
    async with session.post(f"{base}/chat/completions", json=body) as reply:
        answer = await reply.json()
        assert answer["choices"][0]["message"]["content"] == TEXT, answer


def cpu_seconds(pid: int) -> float:
    """What a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def serve(port_file: Path, wait: float) -> None:
    """Every question has the same answer, after the same time. `/load` says how many were under way, and when."""
    load = {"first": 0.0, "last": 0.0, "busy_seconds": 0.0}

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        begin = time.monotonic()
        load["first"] = load["first"] or begin
        await asyncio.sleep(wait)
        load["last"] = time.monotonic()
        load["busy_seconds"] += load["last"] - begin
        message = {"role": "assistant", "content": TEXT}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 10, "completion_tokens": 200, "total_tokens": 210}
        return web.json_response({"id": "c", "object": "chat.completion", "choices": [choice], "usage": usage})

    application = web.Application()

    async def shown(request: web.Request) -> web.Response:
        return web.json_response(load)

    application.router.add_post("/v1/chat/completions", answer)
    application.router.add_get("/load", shown)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await web.UnixSite(runner, str(port_file.with_suffix(".sock")), backlog=1024).start()
    port_file.with_suffix(".draft").write_text(str(runner.addresses[0][1]))
    port_file.with_suffix(".draft").rename(port_file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        asyncio.run(serve(Path(sys.argv[2]), int(sys.argv[3]) / 1000))
    else:
        main()
