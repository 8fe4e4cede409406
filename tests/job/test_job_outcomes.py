"""What a reply means for the request: an answer, a refusal that passes by itself, or one that does not."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

from evalctl_job import outcomes
from evalctl_job.filters import is_withheld
from evalctl_job.outcomes import GivenUp, Patience, Refused, read
from evalctl_job.reasons import classify

ASKED_TO_WAIT = {"Retry-After": "7"}
PASSING = [
    408,
    409,
    423,
    424,
    425,
    429,
    499,
    500,
    502,
    503,
    504,
    507,
    509,
    512,
    *range(520, 526),
    527,
    530,
    560,
    562,
    599,
]
LASTING = [100, 199, 300, 304, 306, 309, 400, 401, 402, 403, 404, 407, 410, 413, 418, 422, 426, 428, 430, 451, 498,
           501, 505, 506, 508, 510, 511, 526, 561, 600, 999]  # fmt: skip


def error(message: str = "no", **more: Any) -> bytes:
    """A body in OpenAI's form."""
    return json.dumps({"error": {"message": message, **more}}).encode()


def refused(status: int, content: bytes, headers: dict[str, str] | None = None, secret: str | None = None) -> Refused:
    """A reply that is none."""
    found = read(status, headers or {}, content, secret)
    assert isinstance(found, Refused)
    return found


@pytest.mark.parametrize("status", PASSING)
def test_what_may_pass_is_asked_again(status: int) -> None:
    """A server that is busy, or starts; and the server's own wish, how long to wait."""
    assert refused(status, error(), ASKED_TO_WAIT) == Refused(status, f"HTTP {status}: no", True, 7.0)


@pytest.mark.parametrize("status", LASTING)
def test_what_will_be_refused_again_is_not(status: int) -> None:
    """Statuses that say so, and those that are no answer of HTTP to a question."""
    assert refused(status, error()) == Refused(status, f"HTTP {status}: no", False, None)
    assert not outcomes.passes(status)


@pytest.mark.parametrize("status", [203, 206, 214, 226, 246, 299])
def test_another_status_of_success_is_no_whole_reply(status: int) -> None:
    """A part, or what a proxy or a guardrail has changed; one without content is asked again like a page."""
    found = refused(status, b'{"choices": []}')
    assert found == Refused(502, f"HTTP {status}: no whole reply", transient=True, few=True)
    assert refused(status, b"") == Refused(502, f"HTTP {status} without JSON:", transient=True, few=False)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_good_status_with_an_object_is_a_reply(status: int) -> None:
    """Whatever is in it; an empty error says that there was none."""
    reply: dict[str, Any]
    for reply in ({"choices": []}, {}, {"error": None}, {"error": {}}, {"error": ""}):
        assert read(status, {}, json.dumps(reply).encode(), None) == reply


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("address", "place"),
    [("https://login.example/v1?next=1", "login.example"), ("/v2", "another path"), ("", "another path"), ("http://[", "another path")],
)  # fmt: skip
def test_a_redirect_is_refused_and_names_the_host(status: int, address: str, place: str) -> None:
    """No path and no question of an address that may hold a key."""
    said = f"HTTP {status}: redirected to {place}, not followed"
    assert refused(status, b"", {"Location": address}) == Refused(status, said, False)
    assert refused(status, b"").why == f"HTTP {status}: redirected to another path, not followed"


@pytest.mark.parametrize(
    ("content", "why", "few"),
    [
        (b"<html>busy</html>", "HTTP 200 without JSON: <html>busy</html>", False),
        (b'{"choices": [{"mess', 'HTTP 200 without JSON: {"choices": [{"mess', False),
        (b"data: {}\n\n", "HTTP 200 without JSON: data: {}", True),
        (b"[1]", "HTTP 200 with no object: [1]", True),
        (b"null", "HTTP 200 with no object: null", True),
    ],
)
def test_a_good_status_without_a_reply_passes_soon_or_hardly(content: bytes, why: str, few: bool) -> None:
    """What broke off may come whole; what came whole and is no reply would come again."""
    assert refused(200, content, ASKED_TO_WAIT) == Refused(502, why, transient=True, few=few)


@pytest.mark.parametrize(
    ("code", "status", "transient"),
    [(429, 429, True), ("503", 503, True), (400, 400, False), ("401", 401, False), ("rate", 502, True), (None, 502, True)],
)  # fmt: skip
def test_an_error_inside_a_good_status_has_its_own_status(code: Any, status: int, transient: bool) -> None:
    """One without is the server's fault, which passes."""
    found = refused(200, error("busy", code=code), ASKED_TO_WAIT)
    assert (found.status, found.transient, found.retry_after, found.few) == (status, transient, None, False)
    assert found.why.startswith("HTTP 200 with an error: busy")


def test_words_say_more_than_a_status() -> None:
    """No credit with 429, too long a question with 500; without a status also what only might mean something else."""
    assert not refused(429, error("x", code="insufficient_quota")).transient
    assert not refused(500, error("This model's maximum context length is 8 tokens")).transient
    assert refused(500, error("invalid api key")).transient
    assert not refused(200, error("invalid api key")).transient


def test_what_a_provider_filters_is_unanswerable() -> None:
    """It is no refusal that the next question would get, too, whatever its status."""
    words = "The response was filtered due to the prompt triggering content management policy"
    found = refused(429, error(words), ASKED_TO_WAIT)
    assert found == Refused(429, f"the provider filtered it: HTTP 429: {words}", False, unanswerable=True)
    assert refused(200, error(words)).status == 502


@pytest.mark.parametrize(
    ("status", "content", "headers"),
    [
        (401, "{}", {}), (429, '{{"error": {{"message": "key {}"}}}}', {}), (200, '{{"error": {{"message": "key {}"}}}}', {}),
        (200, "<html>{}", {}), (200, '["{}"]', {}), (302, "", {"Location": "https://{}/"}),
        (400, '{{"error": {{"message": "{} content_filter triggered"}}}}', {}),
    ],
)  # fmt: skip
def test_the_key_is_in_no_words(status: int, content: str, headers: dict[str, str]) -> None:
    """Not where the server repeats it in a refusal, and not in an answer."""
    secret = "zq7p" + "w9xkt4mlw0rr"
    found = refused(
        status, content.format(secret).encode(), {name: one.format(secret) for name, one in headers.items()}, secret
    )
    assert "[redacted]" in found.why and secret not in found.why
    assert read(200, {}, json.dumps({"text": secret}).encode(), secret) == {"text": "[redacted]"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, None), ("0", 0.0), ("2", 2.0), (" 2.5 ", 2.5), ("3.", 3.0), ("-1", None), ("1e3", None), ("nan", None), ("inf", None),
     ("soon", None), ("", None), ("1 2", None), ("Wed, 99 Oct 2015 07:28:00 GMT", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)  # fmt: skip
def test_a_server_asks_for_seconds_or_names_a_time(value: str | None, seconds: float | None) -> None:
    """A number of them; a time that is over is now; anything else is no wish."""
    found = refused(429, error(), {} if value is None else {"Retry-After": value})
    assert found.retry_after == seconds


def test_a_time_to_come_is_waited_for() -> None:
    """By this machine's clock."""
    found = refused(503, error(), {"Retry-After": formatdate(time.time() + 5000, usegmt=True)})
    assert found.retry_after is not None and 4000 < found.retry_after <= 5000


def test_waits_double_up_to_the_longest() -> None:
    """From half a second to half a minute, a fifth more or less, never the same for all."""
    for tries, seconds in ((1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 30.0), (20, 30.0)):
        waits = [Patience().wait(tries) for _ in range(300)]
        assert 0.8 * seconds <= min(waits) < 0.9 * seconds and 1.1 * seconds < max(waits) <= 1.2 * seconds
    assert Patience() == Patience(600.0, 20, 0.5, 30.0)
    assert Patience(first_wait=8.0, longest_wait=4.0).wait(1) <= 4.8


@pytest.mark.parametrize(
    ("outcome", "lasting"),
    [
        (Refused(400, "no", transient=False), True), (Refused(500, "no", transient=True), False),
        (Refused(502, "no", transient=True, few=True), True), (Refused(400, "no", transient=False, unanswerable=True), False),
        (Refused(502, "no", transient=True, few=True, unanswerable=True), False),
    ],
)  # fmt: skip
def test_what_is_given_up_says_why_and_whether_it_lasts(outcome: Refused, lasting: bool) -> None:
    """With the number of tries; what the model itself will not answer says nothing of other questions."""
    for tries, words in ((1, "no (tried once)"), (2, "no (tried 2 times)"), (0, "no (tried 0 times)")):
        given_up = outcome.given_up(tries)
        assert (given_up.status, str(given_up)) == (outcome.status, words)
        assert (given_up.lasting, given_up.unanswerable) == (lasting, outcome.unanswerable)


def test_without_a_server_it_is_a_bad_gateway() -> None:
    """The framework gets a status; nothing is lasting unless it is said."""
    assert Refused(None, "no connection", transient=True).given_up(1).status == 502
    plain = GivenUp(503, "no")
    assert (plain.status, str(plain), plain.lasting, plain.unanswerable) == (503, "no", False, False)
    assert Refused(503, "no", transient=True) == Refused(503, "no", True, None, False, False)


def test_too_much_is_said_by_three_statuses() -> None:
    """These lower the number of choices under way; three tries are few."""
    assert ({429, 503, 529}, 3) == (outcomes.TOO_MUCH, outcomes.FEW)


@pytest.mark.parametrize(
    "base",
    [None, {}, {"status_code": 0}, {"status_code": "0"}, {"status_code": None}, {"status_code": ""}, "1002", 7, [1]],
)
def test_a_good_status_of_minimax_is_a_reply(base: Any) -> None:
    """Its code is 0, or none of its own."""
    assert read(200, {}, json.dumps({"base_resp": base, "choices": []}).encode(), None) == {
        "base_resp": base,
        "choices": [],
    }


@pytest.mark.parametrize(
    ("base", "passes", "unanswerable"),
    [
        ({"status_code": 1002, "status_msg": "rate limit"}, True, False), ({"status_code": 1008, "status_msg": "insufficient balance"}, False, False),
        ({"status_code": 1026, "status_msg": "input sensitive"}, False, True), ({"status_code": 1027}, False, True),
        ({"status_code": 1008, "status_msg": "余额不足"}, False, False),
    ],
)  # fmt: skip
def test_an_error_that_minimax_reports_with_a_good_status_is_one(
    base: dict[str, Any], passes: bool, unanswerable: bool
) -> None:
    """Also where there is a text beside it: 1026 and 1027 are its filters of question and answer."""
    found = refused(200, json.dumps({"base_resp": base, "choices": [{"message": {"content": "C"}}]}).encode())
    assert (found.status, found.transient, found.unanswerable) == (502, passes, unanswerable)
    assert json.dumps({"base_resp": base}, ensure_ascii=False) in found.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-OpenRouter-Cache-Status", "HIT"), ("cf-aig-cache-status", "HIT"), ("x-portkey-cache-status", "HIT"),
        ("x-portkey-cache-status", "SEMANTIC HIT"), ("Helicone-Cache", "HIT"), ("X-Cache-Status", "Hit"), ("x-cache-status", "hit"),
        ("Apisix-Cache-Status", "HIT"), ("X-Cache", "HIT"), ("X-Cache", "MISS, HIT"), ("X-Cache", "Hit from cloudfront"),
        ("X-Cache", "TCP_HIT from a23-1-2-3 (AkamaiGHost)"), ("CF-Cache-Status", "HIT"), ("x-vercel-cache", "HIT"),
        ("Cache-Status", "ExampleCache; hit; ttl=3"), ("Cache-Status", '"Edge"; fwd=miss, "Origin";hit'), ("Cache-Status", "a;hit=?1"),
        ("x-litellm-cache-key", "2c1f"),
    ],
)  # fmt: skip
def test_a_reply_of_a_gateways_cache_is_not_the_models(name: str, value: str) -> None:
    """By the header in which the gateway says so; a few tries, since the next request may reach the model."""
    found = refused(200, b'{"choices": []}', {name: value})
    assert (found.status, found.transient, found.few, found.unanswerable) == (502, True, True, False)
    assert (
        found.why
        == f"a repeated reply: `{name.lower()}{'' if 'litellm' in name else f': {value}'}`; a cache answered, not the model"
    )
    assert refused(400, error(), {name: value}).why == "HTTP 400: no"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-portkey-cache-status", "SEMANTIC MISS"), ("x-portkey-cache-status", "DISABLED"), ("X-Cache", "Miss from cloudfront"),
        ("X-Cache", "RefreshHit from cloudfront"), ("X-Cache", "MISS"), ("CF-Cache-Status", "DYNAMIC"), ("Cache-Status", "hit-cache; fwd=miss"),
        ("Cache-Status", "a; fwd=miss; key=hit"), ("Cache-Status", "a; hit=?0"), ("x-litellm-cache-key", ""), ("x-litellm-cache-key", " "),
        ("x-cache-hits", "0"), ("x-prompt-cache", "HIT"), ("fireworks-cached-prompt-tokens", "512"), ("Age", "3"), ("x-cache", "WHITE"),
    ],
)  # fmt: skip
def test_a_cache_that_had_to_ask_or_holds_prompts_alone_is_none(name: str, value: str) -> None:
    """Caches of prompts save time and change no answer."""
    assert read(200, {name: value}, b'{"choices": []}', None) == {"choices": []}


def test_a_reply_that_names_its_cache_is_not_the_models() -> None:
    """GPTCache makes a reply without an id, with the time of the request."""
    assert (
        refused(200, b'{"gptcache": true, "choices": []}').why
        == "a repeated reply: `gptcache: true`; a cache answered, not the model"
    )
    assert read(200, {}, b'{"gptcache": false}', None) == {"gptcache": False}


def test_the_words_of_a_cache_are_short_and_hold_no_key() -> None:
    """Its header may repeat what was sent."""
    found = refused(200, b"{}", {"x-cache": "HIT " + "secret-7" + "x" * 999}, secret="secret-7")
    assert "secret-7" not in found.why and len(found.why) < 300


def test_a_list_of_errors_beside_a_text_is_an_error() -> None:
    """Some gateways name several; an empty list says that there was none."""
    answered = {"choices": [{"message": {"content": "C"}, "finish_reason": "stop"}]}
    found = refused(200, json.dumps({**answered, "errors": [{"message": "gone"}]}).encode())
    assert (found.status, found.transient) == (502, True) and "gone" in found.why
    assert read(200, {}, json.dumps({**answered, "errors": []}).encode(), None) == {**answered, "errors": []}


@pytest.mark.parametrize(
    "words",
    [
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        "Your prepayment credits are depleted. Please go to AI Studio", "用户额度不足, 剩余额度: $0.000 [insufficient_user_quota]", "用户额度不足",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [403, 429])
def test_a_used_up_account_is_not_asked_again(words: str, status: int) -> None:
    """Whatever its status: it does not pass while the job runs."""
    found = refused(status, error(words))
    assert not found.transient and classify(found.why) == "quota-exhausted"


def test_a_question_that_is_too_long_for_text_generation_inference_is_named() -> None:
    """Its words, which Together passes on."""
    why = "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 8000 `inputs` tokens"
    assert classify(refused(422, error(why)).why) == "context-length"


def test_what_a_filter_took_is_known_by_evalctls_words_and_by_the_providers() -> None:
    """Either is enough; a called tool is none."""
    assert is_withheld("no answer: the provider filtered it (SAFETY) (tried once)")
    assert is_withheld("HTTP 400: Your chosen model requires moderation (tried once)")
    assert not is_withheld("no answer: the model called a tool (stop) (tried once)")
