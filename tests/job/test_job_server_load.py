"""A real relay keeps to the limit, changes it by what it sees, and notes that for people."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, serving
from relay_process import StartRelay, wait_for

pytestmark = pytest.mark.environments


def question(number: int, n: int = 1) -> dict[str, Any]:
    """One of many prompts."""
    return {"model": "m", "messages": [{"role": "user", "content": f"質問 {number}"}], "n": n}


class Busy:
    """Answers after a moment, and knows how many choices were under way at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = 0

    def __call__(self, asked: Asked) -> Reply:
        """One request."""
        choices = asked.body["n"]
        with self.lock:
            self.inside += choices
            self.most = max(self.most, self.inside)
        threading.Event().wait(0.05)
        with self.lock:
            self.inside -= choices
        return answers(asked)


def test_a_fixed_limit_counts_choices_of_all_tasks(start_relay: StartRelay) -> None:
    """Four at a time, whether they are asked one by one, in twos or by two tasks; all of them are answered."""
    busy = Busy()
    with serving(busy) as server, ThreadPoolExecutor(20) as pool:
        relay = start_relay(server.url, "--admit", "4")
        going = [pool.submit(relay.post, question(i, 1 + i % 2), "tu"[i % 3 == 0]) for i in range(20)]
        assert [one.result()[0] for one in going] == [200] * 20
        assert busy.most == 4
    relay.stop()
    notes = relay.server()
    assert (notes["admission"], notes["limit_least"], notes["limit_most"]) == ("fixed", 4, 4)
    assert notes["peak_in_flight"] == 4


def test_what_vllm_tells_is_noted(start_relay: StartRelay) -> None:
    """Running and waiting requests, cache use and preemptions since the attempt began."""
    looks = iter(range(10**6))

    def metrics() -> str:
        count = 5 + next(looks)
        return (
            "vllm:num_requests_running 7\nvllm:num_requests_waiting 2\n"
            f"vllm:kv_cache_usage_perc 0.93\nvllm:num_preemptions_total {count}\n"
        )

    with serving(answers, metrics) as server:
        relay = start_relay(server.url)
        notes = wait_for(lambda: relay.server().get("preemptions", 0) >= 2 and relay.server())
    assert (notes["admission"], notes["metrics"], notes["peak_running"], notes["peak_waiting"]) == ("auto", True, 7, 2)
    assert notes["highest_cache_use"] == 0.93


def test_a_load_that_cannot_be_read_is_silence(start_relay: StartRelay) -> None:
    """Whatever a server says at that address, its answers come through."""
    looks: list[bytes] = []

    def metrics() -> bytes:
        looks.append("混雑".encode("shift_jis"))
        return looks[-1]

    with serving(answers, metrics) as server:
        relay = start_relay(server.url)
        wait_for(lambda: relay.process.poll() is not None or len(looks) == 2)
        assert relay.post(question(1))[0] == 200


def test_a_rate_limit_lowers_what_is_under_way(start_relay: StartRelay) -> None:
    """A provider that says 429 is asked for less at once; everything is answered in the end."""
    refused = threading.Semaphore(12)

    def limits(asked: Asked) -> Reply:
        if refused.acquire(blocking=False):
            return Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "1"})
        return Reply(answers(asked).body, pause=0.3)

    with serving(limits) as server, ThreadPoolExecutor(60) as pool:
        relay = start_relay(server.url)
        going = [pool.submit(relay.post, question(number)) for number in range(120)]
        assert [one.result()[0] for one in going] == [200] * 120
        assert relay.counts()["failed"] == 0
    relay.stop()
    notes = relay.server()
    assert notes["refusals"] == 12 and notes["limit_least"] < 64 and not notes["metrics"]


def test_silence_about_the_load_is_no_room(start_relay: StartRelay) -> None:
    """A vLLM that has told its load and now does not is asked for no more than before, however many wait."""
    pages = iter(["vllm:num_requests_running 128\nvllm:num_requests_waiting 3\n"])

    def slow(asked: Asked) -> Reply:
        return Reply(answers(asked).body, pause=1.5)

    with serving(slow, lambda: next(pages, "")) as server, ThreadPoolExecutor(300) as pool:
        relay = start_relay(server.url)
        wait_for(lambda: relay.server().get("metrics"))
        going = [pool.submit(relay.post, question(number)) for number in range(300)]
        assert [one.result()[0] for one in going] == [200] * 300
    relay.stop()
    notes = relay.server()
    assert (notes["limit_least"], notes["limit_most"], notes["peak_in_flight"]) == (128, 128, 128)
    assert notes["queued_seconds"] > 1
