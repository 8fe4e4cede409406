"""How many choices are with the server at once: the table, vLLM's page of metrics, and the limiter's order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job.admission import LEAST, Limit, Load, LoadSample, adapted, read_load
from evalctl_job.limiter import Limiter

CALM = LoadSample(64, 10, 20, 0, Load(64, 0, 0.3, 5))


@pytest.mark.parametrize(
    ("limit", "before", "now", "after", "why"),
    [
        (Limit(64), CALM, CALM, Limit(128), "requests wait here, none there, and there is memory"),
        (Limit(64, True), CALM, CALM, Limit(68, True), "once it was too much, small steps"),
        (Limit(64), CALM, LoadSample(64, 0, 20, 0, CALM.load), Limit(64), "nobody waits for more"),
        (Limit(64), CALM, LoadSample(64, 9, 20, 0, Load(64, 1, 0.3, 5)), Limit(64), "the server lets some wait already"),
        (Limit(64), CALM, LoadSample(64, 9, 20, 0, Load(64, 0, 0.5, 5)), Limit(64), "twice as many would not fit"),
        (Limit(64, True), CALM, LoadSample(64, 9, 20, 0, Load(64, 0, 0.5, 5)), Limit(68, True), "a few more would"),
        (Limit(64), CALM, LoadSample(60, 9, 20, 0, Load(50, 2, 0.99, 6)), Limit(48, True), "an answer was thrown away"),
        (Limit(64), CALM, LoadSample(64, 9, 20, 0, Load(32, 32, 0.2, 5)), Limit(64), "many wait, but perhaps not for long"),
        (
            Limit(64), LoadSample(64, 9, 0, 0, Load(32, 32)), LoadSample(64, 9, 20, 0, Load(32, 32)), Limit(40, True),
            "as many waited a second ago: what runs, and a few",
        ),
        (
            Limit(64), LoadSample(64, 9, 0, 0, Load(32, 32)), LoadSample(64, 9, 20, 0, Load(54, 10)), Limit(64),
            "they are fewer now: the prompts are being read",
        ),
        (
            Limit(48, True), CALM, LoadSample(60, 9, 20, 0, Load(50, 2, 0.99, 6)), Limit(48, True),
            "lowered before, and not yet reached",
        ),
        (Limit(64), LoadSample(), LoadSample(64, 9, 20, 0, Load(64, 0, 0.1, 900)), Limit(128), "the first look: old preemptions"),
        (Limit(64), CALM, LoadSample(64, 9, 20, 0, Load(64, 0, 0.1, 0)), Limit(128), "started again, it counts from zero"),
        (Limit(64), LoadSample(), LoadSample(64, 9, 20, 1), Limit(32, True), "a provider said 429 or 503"),
        (Limit(64), LoadSample(), LoadSample(64, 9, 20, 0), Limit(128), "a provider answers"),
        (Limit(32, True), LoadSample(), LoadSample(32, 9, 20, 0), Limit(34, True), "after a refusal, small steps"),
        (Limit(64), LoadSample(), LoadSample(64, 9, 0, 0), Limit(128), "a provider that never refused may be slow to answer"),
        (Limit(64, True), LoadSample(), LoadSample(64, 9, 0, 0), Limit(64, True), "one that did has to answer first"),
        (Limit(LEAST), LoadSample(), LoadSample(2, 9, 0, 5), Limit(LEAST, True), "never nothing at all"),
    ],
)  # fmt: skip
def test_the_limit_follows_what_was_seen(
    limit: Limit, before: LoadSample, now: LoadSample, after: Limit, why: str
) -> None:
    """One look and the one before it give the limit for the next second."""
    assert adapted(limit, before, now) == after, why


def full(in_flight: int, waiting: int = 0, preemptions: int = 5, refusals: int = 0) -> LoadSample:
    """A look at a server that computes as many as are not waiting."""
    return LoadSample(in_flight, 9, 20, refusals, Load(in_flight - waiting, waiting, 0.3, preemptions))


@pytest.mark.parametrize(
    ("limit", "before", "now", "after"),
    [
        (Limit(64), CALM, full(64, preemptions=6), Limit(51, True)),
        (Limit(64), CALM, full(65, preemptions=6), Limit(64)),
        (Limit(64), CALM, full(65, refusals=1), Limit(64)),
        (Limit(64), CALM, full(63, refusals=1), Limit(31, True)),
        (Limit(64), full(64, 8), full(64, 9), Limit(64)),
        (Limit(64), full(64, 9), full(64, 9), Limit(63, True)),
        (Limit(64), full(64, 9), full(64, 10), Limit(62, True)),
        (Limit(64), full(64, 10), full(64, 9), Limit(64)),
        (Limit(64), full(64, 64), full(64, 64), Limit(8, True)),
        (Limit(64), full(9, 9), full(9, 9), Limit(8, True)),
        (Limit(64), full(40, 16), full(40, 16), Limit(32, True)),
        (Limit(64), LoadSample(64, 9, 20, 0, None), full(64, 64), Limit(64)),
        (Limit(64), full(64, 64), LoadSample(64, 9, 20, 0, None), Limit(128)),
        (Limit(64), CALM, LoadSample(64, 1, 0, 0, Load(64, 0, 0.4, 5)), Limit(128)),
        (Limit(64), CALM, LoadSample(64, 1, 0, 0, Load(64, 0, 0.41, 5)), Limit(64)),
        (Limit(64, True), CALM, LoadSample(64, 1, 0, 0, Load(64, 0, 0.75, 5)), Limit(68, True)),
        (Limit(64, True), CALM, LoadSample(64, 1, 0, 0, Load(64, 0, 0.76, 5)), Limit(64, True)),
        (Limit(64, True), LoadSample(), LoadSample(64, 9, 1, 0), Limit(68, True)),
        (Limit(8, True), CALM, CALM, Limit(9, True)),
        (Limit(31, True), CALM, CALM, Limit(32, True)),
        (Limit(33, True), CALM, CALM, Limit(35, True)),
        (Limit(1), CALM, CALM, Limit(2)),
        (Limit(7), LoadSample(), LoadSample(7, 9, 0, 1), Limit(4, True)),
        (Limit(10), LoadSample(), LoadSample(10, 9, 0, 1), Limit(5, True)),
    ],
)  # fmt: skip
def test_the_limit_changes_exactly_at_its_borders(
    limit: Limit, before: LoadSample, now: LoadSample, after: Limit
) -> None:
    """Eight may wait, a cache may be four fifths full, an answer that was thrown away takes a fifth, a refusal half."""
    assert adapted(limit, before, now) == after


def test_before_the_first_look_128_may_be_under_way() -> None:
    """And nothing has been seen."""
    assert (Limit(), LEAST) == (Limit(128, False), 4)
    assert (Load(), LoadSample()) == (Load(0, 0, 0.0, 0), LoadSample(0, 0, 0, 0, None))


LOADS = st.none() | st.builds(Load, *[st.integers(0, 500)] * 2, st.floats(0, 1), st.integers(0, 9))
LOOKS = st.builds(LoadSample, *[st.integers(0, 500)] * 4, LOADS)


@given(st.builds(Limit, st.integers(LEAST, 10_000), st.booleans()), LOOKS, LOOKS)
def test_the_limit_moves_within_bounds(limit: Limit, before: LoadSample, now: LoadSample) -> None:
    """Whatever is seen, it at most doubles, never falls below the least, and never grows unless somebody waits."""
    after = adapted(limit, before, now)
    assert LEAST <= after.choices <= 2 * limit.choices
    assert after.choices <= limit.choices or (now.queued and not now.refusals)
    assert after.careful >= limit.careful


# As vLLM 0.32 writes it with two engines; before 0.10 the cache was `gpu_cache_usage_perc`.
PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a/b"} 3.0
vllm:num_requests_running{engine="1",model_name="a/b"} 4.0
vllm:num_requests_waiting{engine="0",model_name="a/b"} 1.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="a/b",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0",model_name="a/b"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="a/b"} 1.5e-05
vllm:num_preemptions_total{engine="0",model_name="a/b"} 2.0
vllm:num_preemptions_created{engine="0",model_name="a/b"} 1.76e+09
vllm:request_num_preemptions_sum{engine="0",model_name="a/b"} 7.0
"""


def test_vllms_page_is_read() -> None:
    """All engines together: their requests add up, the fullest cache counts."""
    assert read_load(PAGE) == Load(7, 1, 0.25, 2)
    older = PAGE.replace("kv_cache", "gpu_cache").replace("preemptions_total", "preemptions")
    assert read_load(older) == Load(7, 1, 0.25, 2)


def test_what_the_page_lacks_is_zero() -> None:
    """Also where a server of another version writes numbers without labels or exponents."""
    assert read_load("vllm:num_requests_running 3\n") == Load(3, 0, 0.0, 0)
    assert read_load("vllm:num_requests_running 0\n") == Load()
    assert read_load("vllm:num_requests_running 999999999999999\n") == Load(10**15 - 1)
    assert read_load("vllm:num_requests_running 1e15\n") is None
    assert read_load("vllm:num_requests_running 1e+1\nvllm:num_requests_waiting 2.0\n") == Load(10, 2, 0.0, 0)


@pytest.mark.parametrize(
    "page",
    [
        "", "<html>", "process_open_fds 12.0\n", "vllm:num_requests_waiting 3\n", "vllm:num_requests_running 1e999\n",
        "vllm:num_requests_running 1.2.3\n", "vllm:num_requests_running -1\n", "vllm:num_requests_running e\n",
    ],
)  # fmt: skip
def test_another_programs_page_is_no_load(page: str) -> None:
    """A page without vLLM's own numbers is not a server without load; what is no number ends no relay."""
    assert read_load(page) is None


async def entered(limiter: Limiter, requests: Iterable[tuple[str, int]]) -> tuple[list[str], int]:
    """The order in which requests (task, choices) get through a limiter, and the most choices inside at once."""
    order: list[str] = []
    inside = most = 0

    async def one(task: str, choices: int) -> None:
        nonlocal inside, most
        async with limiter.admitted(task, choices):
            inside += choices
            most = max(most, inside)
            order.append(task)
            await asyncio.sleep(0)
            inside -= choices

    await asyncio.gather(*(one(task, choices) for task, choices in requests))
    return order, most


def test_tasks_take_turns() -> None:
    """A task with a hundred requests does not keep another one waiting to its end."""
    order, most = asyncio.run(entered(Limiter(1), [*[("many", 1)] * 100, *[("few", 1)] * 3]))
    assert most == 1 and order.count("many") == 100
    assert max(place for place, task in enumerate(order) if task == "few") < 8


REQUESTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 12)), min_size=1, max_size=40)


@given(st.integers(1, 10), REQUESTS)
def test_everybody_gets_through_and_never_too_many(limit: int, requests: list[tuple[str, int]]) -> None:
    """The limit is kept in choices; a request that is larger than the limit goes alone."""
    limiter = Limiter(limit)
    order, most = asyncio.run(entered(limiter, requests))
    assert sorted(order) == sorted(task for task, _ in requests)
    assert most <= limiter.peak <= max(limit, max(choices for _, choices in requests))
    assert (limiter.in_flight, limiter.queued) == (0, 0)


def test_who_is_given_up_while_waiting_leaves_no_trace() -> None:
    """Cancelled in the queue, or at the very moment of being let through: the others go on."""

    async def story() -> list[str]:
        limiter, inside = Limiter(1), asyncio.Event()

        async def first() -> None:
            async with limiter.admitted("t", 1):
                inside.set()
                await asyncio.sleep(0)

        going = [asyncio.create_task(first()), *(asyncio.create_task(entered(limiter, [(name, 1)])) for name in "abc")]
        await inside.wait()
        going[1].cancel()
        await going[0]  # lets the next one through, which is given up before it runs again
        going[2].cancel()
        done = await asyncio.gather(*going[1:], return_exceptions=True)
        assert (limiter.in_flight, limiter.queued) == (0, 0)
        return ["cancelled" if isinstance(one, asyncio.CancelledError) else "done" for one in done]

    assert asyncio.run(story())[2] == "done"
