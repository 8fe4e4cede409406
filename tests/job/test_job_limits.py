"""What replies tell of a provider's limits, without a provider."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job import limits
from evalctl_job.limits import ProviderReply


@given(st.integers(2, 1024).flatmap(lambda bound: st.tuples(st.just(bound), st.integers(1, bound))))
def test_the_largest_number_is_found_with_few_questions(case: tuple[int, int]) -> None:
    """Whatever it is: the bound first, which is usually fine, then halves."""
    bound, true = case
    asked: list[int] = []

    def granted(number: int) -> int:
        asked.append(number)
        return number if number <= true else 0

    assert limits.largest(bound, granted) == true
    assert asked[0] == bound
    assert len(asked) <= 1 + (bound - 2).bit_length()
    assert true < bound or len(asked) == 1


@given(st.integers(2, 100), st.integers(1, 99))
def test_fewer_answers_than_asked_for_are_the_limit(bound: int, most: int) -> None:
    """A provider that drops answers without a word has told its limit with the first reply."""
    asked: list[int] = []

    def granted(number: int) -> int:
        asked.append(number)
        return min(number, most)

    assert limits.largest(bound, granted) == min(bound, most)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("message", "context", "answer"),
    [
        # vLLM 0.32, OpenAI (2024 and 2026), a text-generation server, prose without a number
        ("This model's maximum context length is 8192 tokens. However, you requested 100000010 tokens", 8192, None),
        ("max_tokens is too large: 100000000. This model supports at most 16384 completion tokens", None, 16384),
        ("max_tokens or max_completion_tokens is too large: 100000000. Maximum value is 32,768", None, 32768),
        ("max_tokens: 100000000 > 64000, which is the maximum allowed number of output tokens", None, 64000),
        ("the context length of this model is 131,072 tokens", 131072, None),
        ("that is too long", None, None),
    ],
)
def test_a_refusal_tells_the_length_in_words(message: str, context: int | None, answer: int | None) -> None:
    """Of the context, or of an answer: never one for the other."""
    assert limits.context_in(message) == context
    assert limits.longest_answer_in(message) == answer


@pytest.mark.parametrize(
    ("facts", "length"),
    [
        ({"max_model_len": 1024}, 1024),
        ({"context_length": 2048}, 2048),
        ({"context_window": 4096}, 4096),
        ({"metadata": {"context_length": 8192}}, 8192),
        ({"context_length": "long"}, None),
        ({}, None),
    ],
)
def test_a_list_of_models_tells_the_context(facts: dict[str, object], length: int | None) -> None:
    """Under the names that servers have for it, and only of the model asked about."""
    models = [{"id": "other", "max_model_len": 7}, {"id": "org/m", **facts}]
    assert limits.listed_length(models, "org/m") == length
    assert limits.listed_length(models, "org/nothing") is None


@pytest.mark.parametrize(
    ("finish", "tokens", "obeyed"),
    [("length", 1, True), ("length", None, True), ("stop", 1, True), ("stop", 50, False)],
)
def test_an_answer_shows_whether_its_limit_was_obeyed(finish: str, tokens: int | None, obeyed: bool) -> None:
    """It was cut off, or is no longer than allowed."""
    heard = ProviderReply(200, choices=({"finish_reason": finish},), usage={"completion_tokens": tokens})
    assert limits.length_obeyed(heard, 1) is obeyed


def test_rate_limits_are_what_headers_call_so() -> None:
    """In the provider's own words; other headers stay out."""
    headers = {
        "X-RateLimit-Limit-Requests": "60",
        "anthropic-ratelimit-requests-limit": "50",
        "Retry-After": "2",
        "Date": "x",
    }
    assert limits.rate_limits(headers) == {
        "x-ratelimit-limit-requests": "60", "anthropic-ratelimit-requests-limit": "50", "retry-after": "2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bound", "true", "asked"),
    [(1, 1, [1]), (2, 2, [2]), (2, 1, [2]), (8, 1, [8, 4, 2]), (8, 5, [8, 4, 6, 5]), (8, 7, [8, 4, 6, 7]), (16, 3, [16, 8, 4, 2, 3])],
)  # fmt: skip
def test_it_is_found_by_halves(bound: int, true: int, asked: list[int]) -> None:
    """No question twice, and none whose answer is known."""
    found: list[int] = []

    def granted(number: int) -> int:
        found.append(number)
        return number if number <= true else 0

    assert (limits.largest(bound, granted), found) == (true, asked)


def test_a_provider_that_answers_less_than_it_did_has_answered_more() -> None:
    """What was granted once is possible."""
    replies = {16: 0, 8: 8, 12: 3}
    assert limits.largest(16, replies.__getitem__) == 8


def test_more_answers_than_asked_for_are_as_many_as_asked_for() -> None:
    """What was not asked for is no limit."""
    assert limits.largest(4, lambda asked: asked + 1) == 4


def test_the_search_ends_where_even_one_is_refused() -> None:
    """It was granted before."""
    assert [limits.largest(bound, lambda _: 0) for bound in (1, 2, 3)] == [1, 1, 1]


@pytest.mark.parametrize(("status", "accepted"), [(199, False), (200, True), (201, False), (400, False), (0, False)])
def test_only_a_good_status_is_an_answer(status: int, accepted: bool) -> None:
    """Whatever came with it."""
    assert ProviderReply(status, choices=({},)).accepted is accepted


@pytest.mark.parametrize(
    ("finishes", "tokens", "obeyed"),
    [((), 0, False), ((), 2, True), ((), 3, True), ((), 4, False), (("content_filter",), 99, False), ((None,), 4, False), ((), 1.0, False), (("stop", "length"), 99, True), (("stop",), -1, False)],
)  # fmt: skip
def test_a_limit_is_obeyed_by_any_choice_or_by_the_count(
    finishes: tuple[str | None, ...], tokens: float, obeyed: bool
) -> None:
    """Of three tokens; no token at all shows nothing."""
    heard = ProviderReply(
        200, choices=tuple({"finish_reason": one} for one in finishes), usage={"completion_tokens": tokens}
    )
    assert limits.length_obeyed(heard, 3) is obeyed


def test_the_first_name_of_a_length_that_is_a_number_counts() -> None:
    """Beside the model before its metadata, under Gemini's prefix, too; metadata of another form is left out."""
    assert limits.listed_length([{"id": "models/m", "max_model_len": "8k", "context_window": 7}], "m") == 7
    assert limits.listed_length([{"id": "m", "context_length": 7, "metadata": {"context_length": 9}}], "m") == 7
    assert limits.listed_length([{"id": "m", "metadata": [1], "max_input_tokens": 5}], "m") == 5
    assert limits.listed_length([{"id": "m"}, {"id": "m", "context_length": 7}], "m") is None
    assert limits.listed_length([], "m") is None


@pytest.mark.parametrize("name", ["x-date", "retry-after-ms", "my-retry-after", "ratelimit"])
def test_other_headers_are_no_rate_limits(name: str) -> None:
    """Though their names are alike."""
    assert limits.rate_limits({name: "1"}) == {}
