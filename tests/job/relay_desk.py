"""The relay's answers to requests, without a server of HTTP: what a test asks, and what the model's server answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripted_server import BASE, HEALTH, Outcome, Server

from evalctl_job.address import Address
from evalctl_job.answering import Answering, Reply
from evalctl_job.forward import Upstream
from evalctl_job.limiter import Limiter
from evalctl_job.outcomes import Patience
from evalctl_job.store import Store

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "7 + 5 は?"}]}
CHAT = "/chat/completions"


def reply(*texts: str) -> Outcome:
    """What a server answers."""
    return {
        "id": "c", "model": "m", "created": 1, "usage": {"prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 13},
        "choices": [{"index": i, "message": {"content": text}, "finish_reason": "stop"} for i, text in enumerate(texts)],
    }  # fmt: skip


class Desk:
    """The relay's answers, and the server behind them."""

    def __init__(
        self, folder: Path, *outcomes: Outcome, seconds: float = 0.0, tries: int = 1, ours: bool = False,
        **options: Any,
    ) -> None:  # fmt: skip
        """State and the options of task `t` are kept in `folder`. `ours`: the server is the job's own."""
        self.folder, self.server = folder, Server(list(outcomes), seconds=seconds)
        folder.mkdir(exist_ok=True)
        if options:
            (folder / "t.options.json").write_text(json.dumps(options))
        address = Address(BASE, None, HEALTH)
        if ours:
            (folder / "upstream").write_text(BASE)
            address = Address(None, folder / "upstream", HEALTH)
        upstream = Upstream(self.server, address, Patience(tries=tries), Limiter(8))
        self.answering = Answering(Store(folder, ours=ours), upstream)

    async def ask(
        self, body: Any = QUESTION, key: str = "t", gone: Callable[[], bool] = lambda: False, path: str = CHAT
    ) -> Reply:
        """One request; bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.answering.completions(key, path, content, gone)

    async def counts(self, *names: str, key: str = "t") -> list[Any]:
        """Some of the counts, which are on disk then."""
        status, found = await self.answering.counts(key)
        on_disk = json.loads((self.folder / f"{key}.counts.json").read_text())
        assert status == 200 and on_disk == json.loads(json.dumps(found))
        return [found[name] for name in names]

    async def close(self, *keys: str) -> None:
        """The attempt ends: another relay may open the answers."""
        for key in keys or ("t",):
            if answers := (await self.answering.store.task(key)).answers:
                answers.close()


def words(reply: Reply) -> tuple[int, str]:
    """An error's status, which is in it, too, and its words."""
    status, body = reply
    assert body == {"error": {"message": body["error"]["message"], "type": "evalctl_relay", "code": status}}
    return status, body["error"]["message"]
