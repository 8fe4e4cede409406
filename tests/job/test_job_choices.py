"""The arithmetic of parts, secrets and options, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job import choices, observed, redact
from evalctl_job.options import REASONING, BadOptions, Options, apply, checked
from evalctl_job.reasons import classify
from evalctl_job.replies import NoAnswer

NUMBERS = st.sets(st.integers(0, 60), min_size=1).map(sorted)


@given(NUMBERS, st.none() | st.integers(1, 50))
def test_parts_are_whole_and_small_enough(missing: list[int], max_n: int | None) -> None:
    """Together the parts ask for exactly what is missing, in order, none for more than max_n."""
    parts = choices.parts(missing, max_n)
    assert [first + i for first, size in parts for i in range(size)] == missing
    assert max_n is None or max(size for _, size in parts) <= max_n


@given(st.integers(1, 60), st.integers(1, 50))
def test_no_part_is_smaller_than_it_needs_to_be(n: int, max_n: int) -> None:
    """A request of which nothing is answered makes as few requests as max_n allows."""
    assert len(choices.parts(range(n), max_n)) == -(-n // max_n)


@given(NUMBERS, st.integers(1, 10), st.integers(0, 2**31))
def test_parts_of_a_seeded_request_never_share_a_seed(missing: list[int], max_n: int, seed: int) -> None:
    """Choice i of the whole and choice i over the parts have the seed that vLLM would give it: seed + i."""
    asked = [choices.part({"seed": seed, "n": 61}, first, size) for first, size in choices.parts(missing, max_n)]
    assert [part["seed"] + i for part in asked for i in range(part["n"])] == [seed + number for number in missing]


@given(st.integers(1, 12), st.integers(0, 10**6))
def test_shares_of_usage_add_up(count: int, tokens: int) -> None:
    """Replayed choice by choice, a reply costs what it cost at once, to the token."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 3}}
    shares = [choices.share(usage, position, count) for position in range(count)]
    assert choices.total(shares) == {"prompt_tokens": tokens, "completion_tokens": 7}


def test_a_request_for_one_is_sent_as_it_came() -> None:
    """No `n` is invented for a request that has none."""
    assert choices.part({"messages": []}, 0, 1) == {"messages": []}


def test_a_part_asks_for_its_choices() -> None:
    """One choice of a request for several says so; a seed goes on from that of the whole."""
    assert choices.part({"n": 5}, 2, 1) == {"n": 1}
    assert choices.part({}, 0, 2) == {"n": 2}
    assert choices.part({"seed": 7, "n": 5}, 2, 3) == {"seed": 9, "n": 3}
    assert choices.part({"seed": None, "n": 5}, 2, 3) == {"seed": None, "n": 3}


def test_parts_are_as_large_as_they_may_be() -> None:
    """Neighbours only, `max_n` in each."""
    assert choices.parts([0, 1, 2, 3, 5], 2) == [(0, 2), (2, 2), (5, 1)]
    assert choices.parts([0, 1, 2, 4], None) == [(0, 3), (4, 1)]
    assert choices.parts([], 2) == []


def reply(*texts: str | None, **more: Any) -> dict[str, Any]:
    """A reply of /chat/completions with these answers."""
    told = [
        {"index": n, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for n, text in enumerate(texts)
    ]
    return {"id": "r", "model": "m", "choices": told, **more}


def test_a_reply_without_an_answer_gives_the_reason_that_may_pass() -> None:
    """Before one that does not; with no choices at all, that."""
    for_good = {"index": 0, "finish_reason": "content_filter", "message": {"content": None}}
    passing = {"index": 1, "finish_reason": "error", "message": {"content": None}}
    bad = [choices.read_choice(one) for one in (for_good, passing)]
    assert [getattr(one, "passing", None) for one in bad] == [False, True]
    assert choices.read_reply({"choices": [for_good, passing]}, 2) == bad[1]
    assert choices.read_reply({"choices": [passing | {"index": 0}, for_good | {"index": 1}]}, 2) == bad[1]
    none = choices.read_reply({"choices": []}, 2)
    assert choices.read_reply({}, 2) == none == NoAnswer("the model's reply has no choices")


def test_a_reply_without_choices_says_why_in_its_own_words() -> None:
    """MiniMax refuses with status 200 and a form of its own; a filter is known there, too."""
    refused = {"id": "x", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}
    found = choices.read_reply(refused, 1)
    assert isinstance(found, NoAnswer) and classify(found.why) == "quota-exhausted" and not found.unanswerable
    filtered = choices.read_reply({"base_resp": {"status_code": 1026, "status_msg": "input new_sensitive"}}, 1)
    assert isinstance(filtered, NoAnswer) and filtered.unanswerable


@pytest.mark.parametrize(
    "field", ["tool_calls", "annotations", "images", "audio", "provider_specific_fields", "role", "refusal"]
)
def test_a_framework_gets_nothing_but_what_it_reads(field: str) -> None:
    """Its client loses a good answer over the type of another field."""
    read = choices.plain(
        {"finish_reason": "stop", "stop_reason": 5, "message": {"content": "C", "reasoning": "r", field: 7}}
    )
    assert read == {
        "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "C", "reasoning": "r"},
    }  # fmt: skip
    assert choices.plain({"finish_reason": "stop", "text": "C", "logprobs": 7}) == {
        "index": 0, "finish_reason": "stop", "text": "C",
    }  # fmt: skip


def test_the_answers_of_a_reply_are_runs_of_neighbours() -> None:
    """Each with its place, its choices and its share of the cost; the bad ones between them are asked again."""
    raw = reply("a", "b", "c", "d", usage={"completion_tokens": 7})
    raw["choices"][1] = {"index": 1, "finish_reason": "error", "message": {"content": None}}
    found = choices.read_reply(raw, 4)
    assert isinstance(found, list)
    told = [(place, [one["message"]["content"] for one in part["choices"]], part["usage"]) for place, part in found]
    assert told == [(0, ["a"], {"completion_tokens": 2}), (2, ["c", "d"], {"completion_tokens": 5})]
    assert {part["id"] for _, part in found} == {"r"}


def test_a_whole_reply_keeps_what_it_cost() -> None:
    """Also the counters within counters, if it is one answer; without usage there is none."""
    usage = {"completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": 3}}
    assert choices.read_reply(reply("a", usage=usage), 1) == [(0, reply("a", usage=usage))]
    assert choices.read_reply(reply("a"), 1) == [(0, reply("a"))]


@pytest.mark.parametrize(
    ("body", "characters"),
    [
        ({"messages": [{"content": "xy" * 500}, {"content": "ab" * 300}]}, 1600), ({"prompt": "xy" * 800}, 1600), ({"prompt": ["xy" * 400] * 2}, 1600),
        ({"messages": [{"content": [{"type": "text", "text": "xy" * 800}, {"type": "image_url", "image_url": {"url": "y" * 9999}}]}]}, 1600),
        ({"messages": [{"content": "xy" * 511 + "x"}]}, None), ({"messages": [{"content": "xy" * 512}]}, 1024), ({"messages": None}, None),
        ({"messages": [3, {"content": None}, {"content": [3]}], "prompt": 3}, None), ({}, None),
    ],
)  # fmt: skip
def test_a_cut_prompt_is_known_by_what_its_server_counts(body: dict[str, Any], characters: int | None) -> None:
    """More than 16 characters a token, in a prompt of 1,024 at least; pictures have no characters."""
    said = "the prompt was cut: {} characters were sent, and the server counted {} tokens"
    for counted in (1, 63):
        expected = said.format(characters, counted) if characters else None
        assert choices.counted_short(body, {"prompt_tokens": counted}) == expected
    assert choices.counted_short(body, {"prompt_tokens": 100}) is None
    for usage in (None, {}, {"prompt_tokens": 0}, {"prompt_tokens": "5"}):
        assert choices.counted_short(body, usage) is None


@pytest.mark.parametrize(
    ("text", "usage", "short"),
    [
        (" " * 9000 + "-" * 9000 + "What?", {}, False), ("xy" * 800 + " " * 9000, {}, True), ("xxy" * 600, {}, True), ("x\n\n\n" * 300, {}, False),
        ("xy" * 800, {"prompt_tokens_details": {"cached_tokens": 90}}, False), ("xy" * 800, {"cache_read_input_tokens": 90}, False),
        ("xy" * 800, {"prompt_tokens_details": {"cached_tokens": 89, "audio_tokens": 90}}, True), ("xy" * 800, {"prompt_cache_hit_tokens": None}, True),
        ("xy" * 520 + "yy", {"prompt_tokens": 65}, False), ("xy" * 520 + "x", {"prompt_tokens": 65}, True),
        ("xy" * 520, {"cache_read_tokens": 28, "details": {"cached_tokens": 28}}, False),
        ("xy" * 520, {"cache_read_tokens": 27, "details": {"cached_tokens": 27}}, True),
    ],
)  # fmt: skip
def test_tokens_of_a_cache_and_runs_of_one_character_are_allowed_for(
    text: str, usage: dict[str, Any], short: bool
) -> None:
    """A long line or many blanks are one token, and some gateways do not count again what their cache of prompts had."""
    found = choices.counted_short({"prompt": text}, {"prompt_tokens": 10 if usage else 60, **usage})
    assert (found is not None) is short


def test_a_prompt_has_a_digest_of_16_digits() -> None:
    """Of its texts alone, however the request holds them; half a character is no mistake."""
    parts = {"messages": [{"content": [{"type": "text", "text": "a"}]}, {"content": "b"}], "n": 2}
    assert choices.prompt_digest(parts) == choices.prompt_digest({"prompt": ["a", "b"]}) == "7e18f737311b2dc3"
    assert len(choices.prompt_digest({"prompt": "\ud800"})) == 16


def test_a_filtered_reply_may_never_be_answered() -> None:
    """By what a reply says beside its choices, too."""
    found = choices.read_reply({**reply("a"), "amazon-bedrock-guardrailAction": "INTERVENED"}, 1)
    assert isinstance(found, NoAnswer) and (found.unanswerable, found.passing) == (True, False)


@pytest.mark.parametrize(("null_content", "content"), [(None, None), (REASONING, "because")])
def test_the_reasoning_is_delivered_where_the_task_says_so(null_content: str | None, content: str | None) -> None:
    """Of a choice without content; one with content is as it was."""
    silent = {"message": {"content": None, "reasoning": "because"}}
    assert choices.delivered(Options(null_content=null_content), silent)["message"]["content"] == content
    spoken = {"message": {"content": "12", "reasoning": "because"}}
    assert choices.delivered(Options(null_content=null_content), spoken) == spoken


def test_merged_replies_are_one() -> None:
    """Numbered anew, the usage added up; of a single one it is as it was; none where none said it."""
    first, second = reply("a", usage={"n": 2, "details": {"m": 1}}), reply("b", usage={"n": 3})
    both = choices.merged([first, second])
    assert [(one["index"], one["message"]["content"]) for one in both["choices"]] == [(0, "a"), (1, "b")]
    assert both["usage"] == {"n": 5}
    assert choices.merged([first, reply("b")])["usage"] == {"n": 2, "details": {"m": 1}}
    assert "usage" not in choices.merged([reply("a"), reply("b")])


@pytest.mark.parametrize(
    ("said", "words", "filtered"),
    [({}, "", False), ({"id": "x", "model": "m", "usage": {"n": 1}, "object": "o", "created": 1, "base": None}, "", False),
     ({"base": {"message": "不足"}}, ': {"base": {"message": "不足"}}', False), ({"error_code": "new_sensitive"}, ': {"error_code": "new_sensitive"}', True),
     ({"base": "x" * 5000}, f': {{"base": "{"x" * 4086}', False)],
)  # fmt: skip
def test_a_reply_without_choices_says_what_it_has_instead(said: dict[str, Any], words: str, filtered: bool) -> None:
    """Its first 4,096 characters; a filter's words are nothing that passes."""
    expected = choices.NoAnswer(f"the model's reply has no choices{words}", unanswerable=filtered)
    assert choices.read_reply(said, 1) == expected
    assert choices.read_reply(said | {"choices": []}, 1) == expected


def test_a_merged_reply_is_the_first_ones() -> None:
    """Its name and its model, not those of a later part."""
    both = choices.merged([reply("a"), reply("b") | {"id": "later"}, reply("c") | {"id": "last"}])
    assert (both["id"], both["model"]) == ("r", "m")


def test_an_answer_that_is_missing_becomes_an_empty_text() -> None:
    """In a message; the text of /completions is one already."""
    assert choices.without_null({"message": {"content": None, "x": 1}}) == {"message": {"content": "", "x": 1}}
    for other in ({"text": ""}, {"message": "none"}):
        assert choices.without_null(other) == other


def test_a_blank_answer_has_the_form_of_its_path() -> None:
    """The first of its reply, and ended well."""
    assert choices.blank("/completions") == {"index": 0, "text": "", "finish_reason": "stop"}
    said = {"message": {"role": "assistant", "content": ""}}
    for path in ("/chat/completions", "/a", "/z"):
        assert choices.blank(path) == {"index": 0, **said, "finish_reason": "stop"}


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_answers_only_where_the_content_is_missing(name: str) -> None:
    """Under its new or old name; an answer stays as it is, and so does a choice without a message."""
    there, missing = ({"message": {"content": text, name: "why"}} for text in ("x", None))
    assert choices.answer_reasoning(there) == there
    assert choices.answer_reasoning(missing) == {"message": {"content": "why", name: "why"}}
    for without in ({"text": "x"}, {"message": {"content": None}}):
        assert choices.answer_reasoning(without) == without


@pytest.mark.parametrize(
    ("text", "empty"), [(None, True), ("", True), (" ", False), ("\n", False), ("0", False)]
)  # fmt: skip
def test_only_nothing_is_empty(text: str | None, empty: bool) -> None:
    """White space is an answer, and scored; nothing is not."""
    assert choices.described({"message": {"content": text}}).empty is empty


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcDEF123456",
        "hf_abcdefghijkl",
        "gsk_0123456789ab",
        "AQ.Ab" + "8RN6KAbc",
        "ya29." + "a0AfH6",
        "bce-v3/" + "ALTAK-A1b2/0a1b",
    ],
)
def test_secret_shapes_never_pass(secret: str) -> None:
    """A key is taken out even when it is not the one that was sent."""
    assert secret not in redact.redacted(f"key {secret} is wrong", None)
    assert "plain" not in redact.redacted("Bearer plain", None)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        {"max_n": 0},
        {"max_n": "4"},
        {"add": ["top_k"]},
        {"remove": "x"},
        {"null_content": "guess"},
        {"length_key": "tokens"},
        {"planned": "x"},
        {"nope": 1},
    ],
)
def test_options_with_a_mistake_are_refused(raw: Any) -> None:
    """No option is skipped in silence."""
    with pytest.raises(BadOptions):
        checked(raw, "t.options.json")


@pytest.mark.parametrize(
    ("key", "sent", "expected"),
    [
        ("max_tokens", {"max_tokens": 16, "max_completion_tokens": 24}, {"max_tokens": 24}),
        ("max_tokens", {"max_completion_tokens": 24}, {"max_tokens": 24}),
        ("max_completion_tokens", {"max_tokens": 16, "max_completion_tokens": 24}, {"max_completion_tokens": 24}),
        ("max_completion_tokens", {"max_tokens": 16, "max_completion_tokens": None}, {"max_completion_tokens": 16}),
        ("both", {"max_tokens": 16}, {"max_tokens": 16, "max_completion_tokens": 16}),
        ("max_tokens", {}, {}),
        (None, {"max_tokens": 16, "max_completion_tokens": 24}, {"max_tokens": 16, "max_completion_tokens": 24}),
    ],
)
def test_the_longest_answer_has_the_name_that_the_endpoint_takes(
    key: str | None, sent: dict[str, Any], expected: dict[str, Any]
) -> None:
    """One of the two, never both where one is asked for; the value that vLLM would obey; no limit that nobody set."""
    assert apply(checked({"length_key": key}, "t"), {"model": "m", **sent}) == {"model": "m", **expected}


@pytest.mark.parametrize("mark", observed.REASONING_MARKS)
def test_reasoning_that_is_left_in_an_answer_is_seen(mark: str) -> None:
    """Whatever the model calls it, and wherever in the answer it is."""
    texts = ["C", f"well {mark} then C", None, f"{mark}C"]
    assert observed.marked(texts, pairs_are_taken_out=False) == (2, mark)


def test_pairs_that_lighteval_takes_out_are_no_left_over_reasoning() -> None:
    """lighteval 0.13 scores what is beside a pair of <think>; half a pair stays in the answer."""
    texts = ["<think>a\nb</think>C", "so </think>C", "<think>never ends"]
    assert observed.marked(texts, pairs_are_taken_out=True) == (2, "</think>")
    assert observed.marked(texts, pairs_are_taken_out=False)[0] == 3
