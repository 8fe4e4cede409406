"""How often and how long a request is asked again, on a clock that nobody waits for, of a server that a test writes down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from scripted_server import BASE, HEALTH, Outcome, Server, now
from skipping_clock import run

from evalctl_job.address import Address
from evalctl_job.forward import ModelCall, Upstream
from evalctl_job.limiter import Limiter
from evalctl_job.outcomes import GivenUp, Patience, Refused

GOOD: Outcome = {"choices": []}
BUSY = Refused(503, "busy", transient=True)
AWAY = Refused(None, "no connection", transient=True)
NO = Refused(400, "no", transient=False)


@dataclass
class Story:
    """A server behind its upstream, and what was told to those who wait."""

    server: Server
    upstream: Upstream
    limiter: Limiter
    told: list[str | None] = field(default_factory=list)

    async def ask(self, n: int | None = None, read: Callable[[dict[str, Any]], Any] = dict) -> Any:
        """A request for so many choices."""
        body = {"model": "m"} if n is None else {"model": "m", "n": n}
        return await self.upstream.ask(ModelCall("t", "/chat/completions", body), read, self.told.append)


def story(
    outcomes: Iterable[Outcome],
    patience: Patience | None = None,
    address: Address | None = None,
    limit: int = 8,
    **more: Any,
) -> Story:
    """A provider's server, unless an address of the job's own is given."""
    server, limiter = Server(list(outcomes), **more), Limiter(limit)
    place = address or Address(BASE, None, HEALTH)
    return Story(server, Upstream(server, place, patience or Patience(first_wait=1.0), limiter), limiter)


def named(tmp_path: Path, base: str | None = BASE) -> tuple[Path, Address]:
    """The file that names the job's own server, and its address."""
    file = tmp_path / "upstream"
    if base:
        file.write_text(base)
    return file, Address(None, file, None)


def test_waiting_for_a_turn_is_no_try() -> None:
    """The patience of a question begins when it is sent: one refusal after a long queue is asked again."""

    async def told() -> None:
        one = story([GOOD, GOOD, BUSY, GOOD], Patience(seconds=15.0, first_wait=1.0), limit=1, seconds=10.0)
        assert await asyncio.gather(one.ask(), one.ask(), one.ask()) == [GOOD, GOOD, GOOD]
        assert one.told == ["busy"]

    run(told())


async def given_up(asking: Any) -> GivenUp:
    """How a request ends that gets no answer."""
    with pytest.raises(GivenUp) as found:
        await asking
    return found.value


def test_an_answer_is_asked_for_once() -> None:
    """With the body as it is, at the address of the API."""

    async def told() -> None:
        one = story([GOOD])
        assert await one.ask(read=lambda reply: ("read", reply)) == ("read", GOOD)
        assert [asked[1:] for asked in one.server.asked] == [("POST", f"{BASE}/chat/completions", {"model": "m"})]
        assert (one.told, one.server.looks, one.limiter.replies, one.limiter.refusals) == ([], [], 1, 0)

    run(told())


def test_what_passes_is_asked_again_after_waits_that_double() -> None:
    """Each refusal is told; too much is noted by its status, other refusals are replies."""

    async def told() -> None:
        one = story([BUSY, Refused(500, "broken", transient=True), AWAY, GOOD])
        assert await one.ask() == GOOD
        waits = [after[0] - before[0] for before, after in zip(one.server.asked, one.server.asked[1:], strict=False)]
        assert [0.8 * 2**n <= wait <= 1.2 * 2**n for n, wait in enumerate(waits)] == [True] * 3
        assert one.told == ["busy", "broken", "no connection"]
        assert (one.limiter.replies, one.limiter.refusals) == (3, 1)

    run(told())


def test_what_does_not_pass_is_asked_once() -> None:
    """The server's words and status are the end of it; nobody is told of a retry."""

    async def told() -> None:
        one = story([NO])
        end = await given_up(one.ask())
        assert (end.status, str(end), end.lasting) == (400, "no (tried once)", True)
        assert (len(one.server.asked), one.told) == (1, [])

    run(told())


@pytest.mark.parametrize(
    ("tries", "few", "asked"), [(1, False, 1), (2, False, 2), (5, False, 5), (5, True, 3), (2, True, 2), (3, True, 3)]
)
def test_tries_are_counted(tries: int, few: bool, asked: int) -> None:
    """Three of what hardly passes; never more than were granted."""

    async def told() -> None:
        one = story([Refused(500, "broken", transient=True, few=few)], Patience(tries=tries))
        end = await given_up(one.ask())
        assert (len(one.server.asked), end.lasting) == (asked, few)

    run(told())


def test_tries_of_another_kind_count_too() -> None:
    """What hardly passes is given up at once where there were more than three tries before."""

    async def told() -> None:
        one = story([BUSY, BUSY, BUSY, BUSY, Refused(502, "odd", transient=True, few=True)])
        end = await given_up(one.ask())
        assert (len(one.server.asked), str(end)) == (5, "odd (tried 5 times)")

    run(told())


def test_the_first_wait_is_a_short_one() -> None:
    """Half a second, unless the server says more."""

    async def told() -> None:
        one, begin = story([BUSY, GOOD], Patience()), now()
        await one.ask()
        assert 0.4 <= now() - begin <= 0.6

    run(told())


def test_a_server_that_says_nothing_of_its_health_is_not_away() -> None:
    """Its failures use up the patience of this request alone."""

    async def told() -> None:
        address = Address(BASE, None, None)
        one = story([Refused(500, "x", transient=True)], Patience(seconds=100.0, tries=1000), address)
        await given_up(one.ask())
        begin = now()
        await given_up(one.ask())
        assert now() - begin > 60 and one.server.looks == []

    run(told())


def test_after_a_death_the_tries_are_counted_anew(tmp_path: Path) -> None:
    """From none on: the try over which the server died is nobody's."""

    async def told() -> None:
        begin = now()
        one = story([AWAY, BUSY], Patience(tries=1), named(tmp_path)[1], ill=lambda: now() < begin + 3)
        end = await given_up(one.ask())
        assert (len(one.server.asked), str(end), one.told) == (2, "busy (tried once)", [None])

    run(told())


def test_what_is_read_in_a_reply_may_be_a_refusal() -> None:
    """Another model's answer, or an end that nobody knows: it is waited for as if the server had said so."""

    async def told() -> None:
        one = story([{"choices": [1]}, {"choices": [2]}])
        found = await one.ask(read=lambda reply: BUSY if reply["choices"] == [1] else reply["choices"])
        assert (found, one.told) == ([2], ["busy"])

    run(told())


def test_a_server_names_the_time_to_wait() -> None:
    """The next try comes no earlier, and no later than the own wait where that is longer."""

    async def told() -> None:
        one = story([Refused(429, "slow", True, 50.0), Refused(429, "slow", True, 0.1), GOOD])
        await one.ask()
        times = [asked[0] for asked in one.server.asked]
        assert times[1] - times[0] == 50.0 and 1.6 <= times[2] - times[1] <= 2.4

    run(told())


@pytest.mark.parametrize(("wish", "asked"), [(10.0, 2), (9.0, 2), (10.5, 1)])
def test_no_wait_goes_beyond_the_patience(wish: float, asked: int) -> None:
    """A wait that ends with it is the last one; a longer one is not begun."""

    async def told() -> None:
        one = story([Refused(429, "slow", True, wish)], Patience(seconds=10.0))
        begin = now()
        await given_up(one.ask())
        assert (len(one.server.asked), now() - begin) == (asked, wish * (asked - 1))

    run(told())


def test_a_server_that_is_away_is_so_for_every_request() -> None:
    """Those that come late share the patience that is used up, until there is an answer."""

    async def told() -> None:
        one = story([AWAY], Patience(seconds=100.0, tries=1000))
        begin = now()
        await given_up(one.ask())
        first = now() - begin
        assert 60 < first <= 100 and len(one.server.asked) > 5
        begin = now()
        await given_up(one.ask())
        assert now() - begin < 40
        one.server.outcomes = [GOOD, AWAY]
        await one.ask()
        begin = now()
        await given_up(one.ask())
        assert now() - begin > 60

    run(told())


@pytest.mark.parametrize(
    ("status", "ill", "shared"), [(500, True, True), (500, False, False), (499, True, False), (503, True, True)]
)
def test_an_ill_server_is_one_that_is_away(status: int, ill: bool, shared: bool) -> None:
    """A server that fails and does not answer for its health; one that is busy and well has not gone."""

    async def told() -> None:
        one = story([Refused(status, "x", transient=True)], Patience(seconds=100.0, tries=1000), ill=lambda: ill)
        await given_up(one.ask())
        begin = now()
        await given_up(one.ask())
        assert (now() - begin < 40) is shared

    run(told())


def test_an_absence_ends_with_a_refusal_of_a_living_server() -> None:
    """It is there again: a later absence has its own patience."""

    async def told() -> None:
        one = story([AWAY], Patience(seconds=100.0, tries=1000))
        await given_up(one.ask())
        one.server.outcomes = [Refused(429, "slow", True), AWAY]
        begin = now()
        await given_up(one.ask())
        assert now() - begin > 60

    run(told())


def test_a_request_for_several_choices_takes_their_room() -> None:
    """Of eight: two requests for four, or one for eight; without a number it is one."""

    async def told(n: int | None) -> int:
        one = story([GOOD], seconds=1.0)
        going = [asyncio.ensure_future(one.ask(n)) for _ in range(9)]
        await asyncio.sleep(0.5)
        most = one.server.under_way
        await asyncio.gather(*going)
        return most

    assert [run(told(n)) for n in (4, 8, 3, 1, None)] == [2, 1, 2, 8, 8]


def test_nobody_waits_for_a_provider_within_the_gate() -> None:
    """A request that pauses leaves its room to others."""

    async def told() -> None:
        one = story([Refused(429, "slow", True, 100.0), GOOD], limit=1)
        begin = now()
        first = asyncio.ensure_future(one.ask())
        await asyncio.sleep(1)
        await one.ask()
        assert now() - begin < 50 and not first.done()
        await first

    run(told())


def test_a_server_that_died_is_waited_for_without_patience(tmp_path: Path) -> None:
    """However long it takes until the job names another one; the request begins anew there."""

    async def told() -> None:
        file, address = named(tmp_path)
        one = story([AWAY, BUSY, GOOD], Patience(seconds=5.0, tries=2), address, ill=lambda: address.base == BASE)
        begin = now()
        going = asyncio.ensure_future(one.ask())
        await asyncio.sleep(5000)
        assert (len(one.server.asked), one.told, one.limiter.in_flight) == (1, [], 1)
        file.write_text("http://127.0.0.1:2/v1")
        assert await going == GOOD
        assert [asked[2] for asked in one.server.asked] == [
            f"{BASE}/chat/completions", *["http://127.0.0.1:2/v1/chat/completions"] * 2
        ]  # fmt: skip
        assert one.told == [None, "busy"] and 5000 < now() - begin < 5005
        assert (one.limiter.replies, one.limiter.refusals) == (1, 1)
        assert set(one.server.looks[:-2]) == {HEALTH} and len(one.server.looks) == pytest.approx(10_000, 0.01)

    run(told())


def test_a_server_that_comes_back_at_its_place_has_died_too(tmp_path: Path) -> None:
    """It did not answer for its health, and now it does."""

    async def told() -> None:
        _, address = named(tmp_path)
        begin = now()
        one = story([AWAY, GOOD], Patience(tries=1), address, ill=lambda: now() < begin + 3)
        assert (await one.ask(), one.told) == (GOOD, [None])
        assert 3 <= now() - begin <= 3.5

    run(told())


def test_a_file_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    """The job has seen the death before; the first request waits for the first server, too."""

    async def told() -> None:
        file, address = named(tmp_path)
        one = story([AWAY, GOOD], Patience(tries=1), address)
        file.unlink()
        going = asyncio.ensure_future(one.ask())
        await asyncio.sleep(100)
        assert (len(one.server.asked), one.server.looks) == (1, [])
        file.write_text(BASE)
        address.look()
        assert (await going, one.told) == (GOOD, [None])

    run(told())


@pytest.mark.parametrize(
    ("outcome", "looks"),
    [(BUSY, 2), (Refused(500, "x", transient=True), 2), (AWAY, 1), (Refused(499, "x", transient=True), 0), (NO, 0),
     (Refused(None, "certificate", transient=False), 0), (Refused(500, "x", transient=False), 0)],
)  # fmt: skip
def test_only_a_failing_server_is_asked_for_its_health(tmp_path: Path, outcome: Refused, looks: int) -> None:
    """And one that is well uses up patience."""

    async def told() -> None:
        one = story([outcome, GOOD], Patience(tries=2), named(tmp_path)[1])
        if outcome.transient:
            await one.ask()
        else:
            await given_up(one.ask())
        assert (len(one.server.looks), one.told) == (looks, [outcome.why] * outcome.transient)

    run(told())


def test_a_provider_is_not_waited_for_as_a_server_that_dies(tmp_path: Path) -> None:
    """Nobody sees to it: its patience decides."""

    async def told() -> None:
        one = story([AWAY], Patience(tries=1), ill=lambda: True)
        await given_up(one.ask())
        assert one.server.looks == []

    run(told())


def test_one_at_a_time_asks_a_dying_server_for_its_health(tmp_path: Path) -> None:
    """Not each of the requests that it was answering."""

    async def told() -> None:
        file, address = named(tmp_path)
        one = story([AWAY], None, address, ill=lambda: address.base == BASE)
        going = [asyncio.ensure_future(one.ask()) for _ in range(8)]
        await asyncio.sleep(10)
        assert len(one.server.looks) == pytest.approx(20, abs=2)
        one.server.outcomes = [GOOD]
        file.write_text("http://127.0.0.1:2/v1")
        await asyncio.gather(*going)

    run(told())


def test_a_free_question_is_asked_once() -> None:
    """Its refusal is passed on with a status that the framework understands."""

    async def told() -> None:
        assert await story([GOOD]).upstream.get("/models") == GOOD
        for outcome, status in ((BUSY, 503), (AWAY, 502), (NO, 400)):
            one = story([outcome])
            end = await given_up(one.upstream.get("/models"))
            assert (end.status, str(end), len(one.server.asked)) == (status, outcome.why, 1)
            assert one.server.asked[0][1:] == ("GET", f"{BASE}/models", None)

    run(told())


def test_health_is_unknown_where_nobody_can_be_asked(tmp_path: Path) -> None:
    """A provider without an address for it; the job's own server is not well while it is away."""

    async def told() -> None:
        assert await story([GOOD], address=Address(BASE, None, None)).upstream.healthy() is None
        assert await story([GOOD], address=named(tmp_path, None)[1]).upstream.healthy() is False
        for ill in (True, False):
            assert await story([GOOD], ill=lambda ill=ill: ill).upstream.healthy() is not ill

    run(told())


def test_load_is_what_a_local_server_says(tmp_path: Path) -> None:
    """As text, also an empty one; a provider is not asked."""

    async def told() -> None:
        own = story([GOOD], pages={"http://127.0.0.1:1/metrics": "page"})
        assert (await own.upstream.load(), own.server.looks) == ("page", ["http://127.0.0.1:1/metrics"])
        far = story([GOOD], address=Address("https://api.example/v1", None, None))
        assert (await far.upstream.load(), far.server.looks) == (None, [])
        assert not far.upstream.ours and story([GOOD], address=named(tmp_path)[1]).upstream.ours

    run(told())
