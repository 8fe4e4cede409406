"""What counts as an answer, and by whom it is, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl_job import choices, filters, replies
from evalctl_job.redact import cleaned
from evalctl_job.replies import UNNAMED, NoAnswer, read_choice, same_model
from evalctl_job.strict_json import loads

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ENDS = st.sampled_from(["stop", "length", "error", "content_filter", "eos", "tool_calls"])
NAMES = st.sampled_from(
    ["message", "content", "text", "finish_reason", "index", "type", "thinking", "reasoning", "error", "usage", "model"]
)
ANYTHING = st.recursive(
    SCALARS | ENDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)
CHOICES = st.lists(
    ANYTHING
    | st.fixed_dictionaries(
        {"message": ANYTHING | st.fixed_dictionaries({"content": ANYTHING})},
        optional={"finish_reason": ENDS | ANYTHING, "error": ANYTHING, "index": ANYTHING},
    ),
    max_size=5,
)
REPLIES = st.fixed_dictionaries(
    {}, optional={"choices": CHOICES | ANYTHING, "usage": ANYTHING, "model": ANYTHING, "id": ANYTHING}
)


def choice(end: Any = "stop", content: Any = "C", **more: Any) -> dict[str, Any]:
    """A choice of /chat/completions."""
    return {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": end, **more}


@pytest.mark.parametrize(("end", "read"), sorted(replies.GOOD_ENDS.items()))
def test_a_known_good_end_is_an_answer_in_one_of_two_words(end: str, read: str) -> None:
    """The server's own word stays beside it, where it is another one."""
    found = read_choice(choice(end))
    assert isinstance(found, dict) and found["finish_reason"] == read
    assert found.get("native_finish_reason", end) == end
    assert read_choice(found) == found


@pytest.mark.parametrize(
    ("raw", "unanswerable", "passing"),
    [
        (choice("error", "Let me", error={"code": 502, "message": "gone"}), False, True),
        (choice("stop", "Let me", error={"code": 502}), False, True),
        (choice("error"), False, True),
        (choice(None), False, True),
        ({"message": {"content": "C"}}, False, True),
        (choice("abort"), False, True),
        (choice("done"), False, False),
        (choice("Stop"), False, False),
        (choice(["stop"]), False, False),
        (choice({"stop": 1}), False, False),
        (choice("content_filter"), True, False),
        (choice("SAFETY"), True, False),
        (choice("tool_calls"), True, False),
        ({**choice(), "message": {"content": "Let me", "tool_calls": [{"type": "function"}]}}, True, False),
        ({**choice(), "message": {"content": "Let me", "function_call": {"name": "f"}}}, True, False),
        (choice(content={"text": "C"}), False, False),
        (choice(content=3), False, False),
        (choice(content=[{"type": "image_url", "image_url": "x"}]), False, False),
        (choice(content=[{"type": "text", "text": 3}]), False, False),
        (choice(content=[3]), False, False),
        ({"finish_reason": "stop"}, False, False),
        ({"finish_reason": "stop", "message": None}, False, False),
        ({"finish_reason": "stop", "message": "C"}, False, False),
        ({"finish_reason": "stop", "text": None}, False, False),
        ("C", False, False),
        (None, False, False),
    ],
)
def test_anything_else_is_none(raw: Any, unanswerable: bool, passing: bool) -> None:
    """A broken off, filtered, unknown or malformed choice is no answer, and says whether it may pass by itself."""
    found = read_choice(raw)
    assert isinstance(found, NoAnswer) and found.why.startswith("no answer: ")
    assert (found.unanswerable, found.passing) == (unanswerable, passing)


# As providers document them, independent of the program's lists: (unanswerable, passing) of what is no answer.
NO_ANSWERS = {
    **dict.fromkeys(("error", "abort", "insufficient_system_resource", "network_error"), (False, True)),
    **dict.fromkeys(
        ("content_filter", "content_filtered", "refusal", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT",
         "SPII", "sensitive", "guardrail_intervened", "tool_calls", "function_call", "tool_use"),
        (True, False),
    ),
    **dict.fromkeys(("done", "Stop", "STOPPED", "cancelled", "unknown", "FINISH_REASON_UNSPECIFIED", "OTHER", ""), (False, False)),
}  # fmt: skip
WHOLE = {"stop", "eos", "eos_token", "stop_sequence", "end_turn", "STOP", "COMPLETE"}
CUT = {"length", "max_tokens", "model_length", "MAX_TOKENS"}


@pytest.mark.parametrize(("end", "meaning"), NO_ANSWERS.items())
def test_each_end_of_a_provider_is_retried_given_up_or_unknown(end: str, meaning: tuple[bool, bool]) -> None:
    """What the server broke off may pass, what it keeps back will not, and an unknown word is no answer."""
    found = read_choice(choice(end))
    assert isinstance(found, NoAnswer)
    assert (found.unanswerable, found.passing) == meaning


def test_the_list_of_good_ends_is_closed() -> None:
    """Each was seen or is documented; another word is added with the server that sends it."""
    assert dict(replies.GOOD_ENDS) == {**dict.fromkeys(WHOLE, "stop"), **dict.fromkeys(CUT, "length")}


def test_a_content_in_parts_is_one_text_and_its_thoughts_are_the_reasoning() -> None:
    """As Mistral and Anthropic's own API word it; a reasoning that stands beside it stays."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "so "}, {"type": "text", "text": "C"}]},
        {"type": "text", "text": "The answer "},
        {"type": "text", "text": "is C"},
    ]
    found = choices.described(read_choice(choice(content=parts)))  # type: ignore[arg-type]
    assert (found.text, found.reasoning) == ("The answer is C", "so C")
    known = {"message": {"content": parts, "reasoning": "given"}, "finish_reason": "stop"}
    assert choices.described(read_choice(known)).reasoning == "given"  # type: ignore[arg-type]
    only_thoughts = read_choice(choice(content=parts[:1]))
    assert isinstance(only_thoughts, dict) and choices.described(only_thoughts).empty


@given(CHOICES)
def test_reading_is_total_and_done_once(raw: list[Any]) -> None:
    """Of whatever a choice consists, it is an answer with texts or none; an answer read again is the same."""
    for one in raw:
        found = read_choice(one)
        if isinstance(found, dict):
            assert read_choice(found) == found
            described = choices.described(found)
            assert isinstance(described.text, str) and described.finish_reason in ("stop", "length")
            assert isinstance(described.reasoning, str | None)


@given(REPLIES, st.integers(1, 6))
def test_any_reply_gives_answers_that_strict_json_holds(raw: dict[str, Any], asked: int) -> None:
    """Whatever a server sends: never more choices than asked, each its own number, and no NaN in what is kept."""
    reply = loads(json.dumps(raw))
    found = choices.read_reply(reply, asked)
    if isinstance(found, NoAnswer):
        return
    numbers = [first + i for first, run in found for i in range(len(run["choices"]))]
    assert numbers == sorted(set(numbers)) and set(numbers) <= set(range(asked))
    json.dumps([run for _, run in found], allow_nan=False)
    for _, run in found:
        assert all(0 <= replies.tokens(run.get("usage"), name) <= replies.MOST_TOKENS for name in run.get("usage", {}))


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ('{"prompt_tokens": NaN}', {}),
        ('{"prompt_tokens": 1e999, "completion_tokens": 3}', {"completion_tokens": 3}),
        ('{"prompt_tokens": -5, "completion_tokens": "3"}', {}),
        ('{"prompt_tokens": true, "completion_tokens": 2.5}', {}),
        ('{"prompt_tokens": 99999999999999999999}', {}),
        ('{"prompt_tokens": 7, "details": {"cached": NaN, "audio": 2}}', {"prompt_tokens": 7, "details": {"audio": 2}}),
        ("[1, 2]", None), ('"many"', None), ("null", None), ("3", None),
    ],
)  # fmt: skip
def test_usage_is_counts_or_nothing(usage: str, read: Any) -> None:
    """Numbers that nobody can have counted are left out."""
    assert replies.usage_of(loads(usage)) == read


@pytest.mark.parametrize("text", ["[" * 200 + "]" * 200, '{"a":' * 5000 + "1" + "}" * 5000, "9" * 5000, "", "data: {}"])
def test_what_cannot_be_written_again_is_no_json(text: str) -> None:
    """Nested without end, numbers without end, a stream: one error, which is a ValueError."""
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@pytest.mark.parametrize(
    ("indexes", "asked", "order"),
    [
        ([2, 0, 1], 3, [1, 2, 0]), ([0, 0, 0], 3, [0, 1, 2]), ([5, 6, 7], 3, [0, 1, 2]), ([None, 1], 2, [0, 1]),
        ([1, 0, 2], 2, [1, 0]), (["1", "0"], 2, [0, 1]), ([True, False], 2, [0, 1]),
    ],
)  # fmt: skip
def test_choices_belong_where_their_index_says(indexes: list[Any], asked: int, order: list[int]) -> None:
    """Indexes that say nothing leave the order as it is; more choices than asked are cut."""
    raw = [{"index": index, "was": place} for place, index in enumerate(indexes)]
    assert [one["was"] for one in replies.in_order(raw, asked)] == order


def test_of_several_choices_the_answers_are_kept_where_they_are() -> None:
    """Two answers around one that is none are two runs; the whole cost is theirs."""
    raw = {"model": "m", "choices": [choice(), choice("error"), choice("length", "D"), choice(content="E")],
           "usage": {"prompt_tokens": 9, "completion_tokens": 31}}  # fmt: skip
    found = choices.read_reply(raw, 4)
    assert isinstance(found, list) and [(first, len(run["choices"])) for first, run in found] == [(0, 1), (2, 2)]
    assert choices.total([run["usage"] for _, run in found]) == raw["usage"]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06"), ("gpt-4", "gpt-4-0613"), ("gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"), ("mistral-large-latest", "mistral-large-2411"),
        ("gemini-1.5-pro", "gemini-1.5-pro-002"), ("gemini-2.5-flash-preview", "gemini-2.5-flash-preview-05-20"),
        ("deepseek/deepseek-r1:free", "deepseek/deepseek-r1"), ("Qwen/Qwen3-8B", "qwen3-8b"), ("qwen3:8b", "qwen3:8b"),
        ("accounts/fireworks/models/llama-v3p1-8b", "llama-v3p1-8b"), ("gpt-4o", "openai/gpt-4o-2024-08-06"),
        ("lab/x#d1", "lab/x#d1"), ("accounts/lab/models/x#d1", "accounts/lab/models/x"), ("lab/x", "lab/x#d1"),
    ],
)  # fmt: skip
def test_a_date_or_a_publisher_more_is_the_same_model(asked: str, answered: str) -> None:
    """Providers answer with the exact name behind an alias."""
    assert same_model(asked, answered)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("m", "cheap/other-1B"), ("gpt-4o", "gpt-4o-mini"), ("gpt-4o", "gpt-4o-mini-2024-07-18"), ("qwen3:8b", "qwen3:4b"),
        ("gpt-4o-2024-08-06", "gpt-4o"), ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"), ("lab/small-8B", "other/small-8B"),
        ("llama-3-70b", "llama-3-70b-turbo"), ("o1", "gpt-4o1"),
        ("lab/x#d1", "lab/x#d2"), ("lab/x#d1", "lab/y#d1"), ("lab/x#d1", "lab/y"), ("lab/x", "lab/y#d1"), ("lab/x#d1", "d1"), ("lab/x#lab/d1", "d1"),
    ],
)  # fmt: skip
def test_any_other_name_is_another_model(asked: str, answered: str) -> None:
    """A smaller, a different or a vaguer name is not what was asked for."""
    assert not same_model(asked, answered)


@pytest.mark.parametrize("nothing", [None, {}, "", False, []])
def test_an_empty_error_is_none(nothing: Any) -> None:
    """Some gateways send the field always; a good answer beside it is paid."""
    assert isinstance(read_choice(choice(error=nothing)), dict)


@pytest.mark.parametrize(
    ("code", "status"),
    [(429, 429), ("429", 429), ("401", 401), (200, None), ("insufficient_quota", None), (True, None), (None, None), ("4290", None)],
)  # fmt: skip
def test_the_status_inside_an_error_is_a_number_or_digits(code: Any, status: int | None) -> None:
    """What else is there is no status."""
    assert replies.status_of({"code": code}) == status
    assert replies.status_of("busy") is None


def test_what_the_provider_behind_a_gateway_said_is_among_the_words() -> None:
    """OpenRouter's own message is `Provider returned error` for all of them."""
    raw = '{"error": {"message": "maximum context length is 4096 tokens"}}'
    assert replies.message_of({"message": "Provider returned error", "metadata": {"raw": raw}}).endswith(raw)


@pytest.mark.parametrize(
    ("content", "certain"),
    [
        (b'data: {"choices": []}\n\ndata: [DONE]\n\n', True), (b": keep-alive\n\ndata: {}", True), (b'{"text": "caf\xe9"}', True),
        (b"[" * 99999 + b"]" * 99999, True), (b'{"choices": [{"mess', False), (b"<html>busy</html>", False), (b"", False), (b"{", False),
    ],
)  # fmt: skip
def test_what_came_whole_and_is_no_reply_would_come_again(content: bytes, certain: bool) -> None:
    """A stream that was not asked for, another encoding: each try is paid. What broke off, or a proxy's page, may pass."""
    assert replies.is_certain(content) is certain


def test_an_end_in_another_word_stays_beside_the_known_one() -> None:
    """One that is known already does not, and one that a gateway gave is kept."""
    aliases = {end for end in replies.GOOD_ENDS if end not in ("stop", "length")}
    for end in replies.GOOD_ENDS:
        found = read_choice(choice(end))
        assert isinstance(found, dict) and found.get("native_finish_reason") == (end if end in aliases else None)
    given = read_choice(choice("eos", native_finish_reason="EOS"))
    assert isinstance(given, dict) and given["native_finish_reason"] == "EOS"


@pytest.mark.parametrize(("own", "meaning"), [(end, meaning) for end, meaning in NO_ANSWERS.items() if any(meaning)])
def test_a_gateways_good_end_over_a_bad_one_is_no_answer(own: str, meaning: tuple[bool, bool]) -> None:
    """The word of the server behind it counts, as if it stood alone."""
    found = read_choice(choice("stop", native_finish_reason=own))
    assert isinstance(found, NoAnswer) and own in found.why
    assert (found.unanswerable, found.passing) == meaning


@pytest.mark.parametrize("own", [*sorted(CUT), *sorted(WHOLE), "completed", None, 3, ["error"]])
def test_a_gateways_good_end_over_a_cut_off_one_is_a_cut_off_one(own: Any) -> None:
    """A word that is not known, or is none, says nothing."""
    found = read_choice(choice("stop", native_finish_reason=own))
    assert isinstance(found, dict)
    assert found["finish_reason"] == ("length" if isinstance(own, str) and own in CUT else "stop")
    assert read_choice(found) == found


HALF, JOINED = "A \ud83d", "A \ufffd"


@pytest.mark.parametrize(
    "message",
    [
        {"content": HALF}, {"content": [HALF]}, {"content": [{"text": HALF}]}, {"content": [{"type": "thinking", "thinking": HALF}]},
        {"content": "", "reasoning": HALF}, {"content": "", "reasoning_content": [HALF]},
    ],
)  # fmt: skip
def test_half_a_character_is_none(message: dict[str, Any]) -> None:
    """A framework could write it into no file, and would end after the last answer; two halves are one character."""
    found = read_choice({"message": message, "finish_reason": "stop"})
    assert isinstance(found, dict)
    assert JOINED in found["message"].values()
    json.dumps(found, ensure_ascii=False).encode()
    assert read_choice({"text": HALF, "finish_reason": "stop"}) == {"text": JOINED, "finish_reason": "stop"}
    whole = read_choice({"text": "\ud83d\ude00 é", "finish_reason": "stop"})
    assert isinstance(whole, dict) and whole["text"] == "\U0001f600 é"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_a_reasoning_in_parts_is_one_text(name: str) -> None:
    """Whatever it is called; a null stays one, and anything else is no answer."""
    parts = [{"type": "text", "text": "so "}, "C", {"thinking": ["!", {"text": "?"}]}]
    for said, read in ((parts, "so C!?"), (None, None), ("why", "why")):
        found = read_choice({"message": {"content": "C", name: said}, "finish_reason": "stop"})
        assert isinstance(found, dict) and found["message"] == {"content": "C", name: read}
    bad = read_choice({"message": {"content": "C", name: 3}, "finish_reason": "stop"})
    assert bad == NoAnswer(f"no answer: its `{name}` is neither a text nor a list of parts")


def test_thoughts_among_the_parts_are_the_reasoning_where_there_is_none() -> None:
    """An empty one is none; without thoughts nothing is added."""
    content = [{"type": "thinking", "thinking": "so "}, {"type": "reasoning", "reasoning": "C"}, {"text": "A"}, "B"]
    for beside in ({}, {"reasoning": ""}, {"reasoning": None}):
        found = read_choice({"message": {"content": content, **beside}, "finish_reason": "stop"})
        assert isinstance(found, dict) and found["message"] == {"content": "AB", "reasoning": "so C"}
    older = read_choice({"message": {"content": content, "reasoning_content": "why"}, "finish_reason": "stop"})
    assert isinstance(older, dict) and older["message"] == {"content": "AB", "reasoning_content": "why"}
    plain = read_choice({"message": {"content": ["A", {"type": "output_text", "text": "B"}]}, "finish_reason": "stop"})
    assert isinstance(plain, dict) and plain["message"] == {"content": "AB"}


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "a choice is no object"),
        (choice(["stop"]), "its end is not a word"),
        (choice("x" * 201), f"its end `{'x' * 200}` is not known"),
        (choice(None), "it ended with null"),
        (choice("stop", error="gone"), "it ended with `stop`: gone"),
        (choice("refusal"), "the provider filtered it (refusal)"),
        (choice("tool_use"), "the model called a tool (tool_use)"),
        ({"finish_reason": "stop"}, "a choice has neither a message nor a text"),
        ({"finish_reason": "stop", "text": None}, "a choice has neither a message nor a text"),
        ({"finish_reason": "stop", "text": "a", "message": "b"}, "a choice has neither a message nor a text"),
        (choice(content=7), "its content is neither a text nor a list of parts"),
        (choice(content=[{"type": "image"}]), "its content has a part of kind `image`"),
        (choice(content=[{"type": None}]), "its content has a part of kind `None`"),
        (choice(content=[7]), "a part of its content has no text"),
        (choice(content=[{"type": "text", "text": 7}]), "a part of its content has no text"),
    ],
)
def test_what_is_no_answer_says_why(raw: Any, why: str) -> None:
    """In words that a person can look for."""
    found = read_choice(raw)
    assert isinstance(found, NoAnswer) and found.why == f"no answer: {why}"


def test_a_text_of_the_older_api_is_an_answer() -> None:
    """/completions has no message."""
    assert read_choice({"text": "C", "finish_reason": "stop"}) == {"text": "C", "finish_reason": "stop"}


def test_json_may_be_64_deep() -> None:
    """Objects count as lists do."""
    assert loads("[" * 64 + "]" * 64) and loads('{"a":' * 63 + "{}" + "}" * 63)
    for deeper in ("[" * 65 + "]" * 65, '{"a":' * 64 + "{}" + "}" * 64):
        with pytest.raises(ValueError, match="nested too deeply"):
            loads(deeper)


def test_numbers_stay_and_what_is_none_is_null() -> None:
    """NaN and infinities, as Python writes them or by their size."""
    read = loads("[0.5, -1e3, 7, NaN, Infinity, -Infinity, 1e999, -1e999]")
    assert read == [0.5, -1000.0, 7, None, None, None, None, None]


@pytest.mark.parametrize(
    "content",
    [
        '{"choices": [1], "choices": [2]}', '{"a": [{"content": "C", "content": "D"}]}', '{"a": 1, "b": 2, "a": null}',
        b'{"a": {"b": 1}, "a": {"b": 2}}', '{"finish_reason": "error", "finish_reason": "stop"}', '{"a": "", "a": " "}',
    ],
)  # fmt: skip
def test_a_name_with_two_values_is_no_json(content: Any) -> None:
    """Programs take the first value, or the last: what the server meant is not known."""
    with pytest.raises(ValueError, match="a name has two values"):
        loads(content)


def test_a_name_that_is_repeated_with_its_value_has_one_meaning() -> None:
    """Whichever of them a program takes."""
    assert loads('{"a": [1, {"b": null}], "c": 2, "a": [1, {"b": null}]}') == {"a": [1, {"b": None}], "c": 2}


@pytest.mark.parametrize(
    "content",
    [
        '{"a": "é"}'.encode("latin-1"), '{"a": "答"}'.encode("shift_jis"), '{"a": "答"}'.encode("euc-jp"), b'{"a": 1} trailing',
        b'{"a": 1}{"a": 1}', b'{"a": 1}\n{"a": 2}', b")]}',\n{}", b"{'a': 1}", b'{"a": 1,}', b'{"a": "\n"}', b'{"a": "\x00"}', b"",
    ],
)  # fmt: skip
def test_what_is_not_one_json_text_is_none(content: bytes) -> None:
    """Other encodings than Unicode's (whatever the header declares), more than one text, other forms of literals."""
    with pytest.raises(ValueError):
        loads(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_json_is_in_one_of_unicode_s_encodings(encoding: str) -> None:
    """With or without a mark at its beginning; the text is the same."""
    assert loads('{"a": "答え"}'.encode(encoding)) == {"a": "答え"}


AZURE = {"hate": {"filtered": False, "severity": "safe"}, "jailbreak": {"filtered": False, "detected": False}}
TOOK = {**AZURE, "violence": {"filtered": True, "severity": "high"}}


@pytest.mark.parametrize(
    ("field", "whole", "took"),
    [
        ("content_filter_results", AZURE, TOOK), ("content_filter_result", AZURE, TOOK),
        ("prompt_filter_results", [{"prompt_index": 0, "content_filter_results": AZURE}], [{"content_filter_results": TOOK}]),
        ("prompt_annotations", [], [{"content_filter_results": {"custom_blocklists": {"details": [{"filtered": True}]}}}]),
        ("safetyRatings", [{"category": "HATE", "probability": "LOW"}], [{"category": "HATE", "blocked": True}]),
        ("safety_ratings", [{"blocked": False}], [{"blocked": True}]),
        ("amazon-bedrock-guardrailAction", "NONE", "INTERVENED"), ("amazon-bedrock-guardrailAction", "A", "INTERVENED"),
        ("flag", 0, 3), ("flag", 1, 4), ("flag", 2, 3), ("flag", True, 3), ("flag", 3.0, 3),
    ],
)  # fmt: skip
def test_what_a_filter_has_changed_is_no_answer_of_the_model(field: str, whole: Any, took: Any) -> None:
    """Though its end is a good one; beside a choice, or beside all of them. A filter that looked and let it pass is none."""
    for good in (whole, None, {}, {"filtered": "true"}, "filtered"):
        assert isinstance(read_choice(choice(**{field: good})), dict)
        assert isinstance(choices.read_reply({"choices": [choice()], field: good}, 1), list)
    told = NoAnswer(f"no answer: the provider filtered it ({field})", unanswerable=True)
    assert read_choice(choice(**{field: took})) == told
    assert choices.read_reply({"choices": [choice()], field: took}, 1) == told


@pytest.mark.parametrize("end", ["content_filter: RECITATION", "content_filter:", "content_filter", "sensitive: x"])
def test_a_finish_reason_of_a_filter_may_have_the_word_of_the_provider(end: str) -> None:
    """Gemini's endpoint adds it; in the word of the server behind a gateway, too. A word in front of it makes another one."""
    told = NoAnswer(f"no answer: the provider filtered it ({end})", unanswerable=True)
    assert read_choice(choice(finish_reason=end)) == read_choice(choice(native_finish_reason=end)) == told
    unknown = read_choice(choice(finish_reason=f"x {end}"))
    assert isinstance(unknown, NoAnswer) and not unknown.unanswerable


@pytest.mark.parametrize("place", ["finish_reason", "native_finish_reason"])
@pytest.mark.parametrize(
    ("end", "filtered"),
    [("LANGUAGE", True), ("IMAGE_SAFETY", True), ("IMAGE_PROHIBITED_CONTENT", True), ("ERROR_TOXIC", True), ("ERROR", False),
     ("MALFORMED_RESPONSE", False), ("MALFORMED_FUNCTION_CALL", False), ("OTHER", None), ("FINISH_REASON_UNSPECIFIED", None)],
)  # fmt: skip
def test_the_own_words_of_gemini_and_cohere_are_no_good_ends(place: str, end: str, filtered: bool | None) -> None:
    """Though a gateway says `stop`: a filter refuses the question, what broke off may pass, and of the rest nothing is known."""
    found = read_choice(choice(**{place: end}))
    assert isinstance(found, NoAnswer) and (found.unanswerable, found.passing) == (filtered is True, filtered is False)


def test_an_error_within_the_message_is_one() -> None:
    """As beside it; an empty one is none."""
    broken = choice()
    broken["message"] = {**broken["message"], "error": {"message": "gone", "code": 502}}
    assert read_choice(broken) == NoAnswer("no answer: it ended with `stop`: gone", passing=True)
    nothing: object
    for nothing in (None, "", {}):
        broken["message"]["error"] = nothing
        assert isinstance(read_choice(broken), dict)
    assert isinstance(read_choice({**choice(), "message": "error"}), NoAnswer)


def test_each_field_of_a_filter_is_tested() -> None:
    """The list is closed: another field is added with the provider that sends it."""
    assert set(filters._FINDINGS) == {
        "content_filter_results", "content_filter_result", "prompt_filter_results", "prompt_annotations", "safetyRatings",
        "safety_ratings", "amazon-bedrock-guardrailAction", "flag",
    }  # fmt: skip


def test_a_count_is_from_zero_to_a_billion() -> None:
    """More of one reply nobody can have counted."""
    usage = {"a": 0, "b": 1, "c": 10**9, "d": 10**9 + 1, "e": -1, "f": True, "g": 1.0, "h": {"i": 0, "j": None}}
    assert replies.usage_of(usage) == {"a": 0, "b": 1, "c": 10**9, "h": {"i": 0}}
    assert [replies.tokens(usage, name) for name in "abcdefgz"] == [0, 1, 10**9, 0, 0, 0, 0, 0]
    assert (replies.tokens(None, "a"), replies.tokens([1], "a")) == (0, 0)


@pytest.mark.parametrize("indexes", [[-1, 0], [1, 2], [0, 2], [0, 0], [0, 1.0], [0, True], [0, None]])
def test_an_index_that_is_no_place_says_nothing(indexes: list[Any]) -> None:
    """Below the first, above the last, twice the same, or no whole number."""
    raw = [{"index": index, "was": place} for place, index in enumerate(indexes)]
    assert replies.in_order(raw, 2) == raw
    assert replies.in_order([*raw, "no object"], 3) == [*raw, "no object"]
    assert replies.in_order(raw, 1) == raw[:1]
    assert replies.in_order({"0": raw[0]}, 2) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("gone", "gone"), (None, "None"), ({"message": "gone"}, "gone"), ({"message": "", "x": 1}, "{'message': '', 'x': 1}"),
        ({"message": "gone", "code": "c", "type": "t"}, "gone [c]"), ({"message": "gone", "code": 7, "type": "t"}, "gone [t]"),
        ({"message": "gone", "code": "", "type": "t"}, "gone [t]"), ({"message": "gone", "code": "one", "type": "t"}, "gone [t]"),
        ({"message": "gone", "code": None}, "gone"),
    ],
)  # fmt: skip
def test_an_error_has_words(error: Any, words: str) -> None:
    """Its message, with its code or else its type where that says something more."""
    assert replies.message_of(error) == words


@pytest.mark.parametrize(
    ("name", "read"),
    [("m", "m"), ("", UNNAMED), (None, UNNAMED), (7, UNNAMED), ("x" * 201, "x" * 200), ("half \ud83d", "half ?")],
)
def test_the_model_of_a_reply_is_a_name_that_can_be_written(name: Any, read: str) -> None:
    """Not too long a one."""
    assert replies.model_of({"model": name}) == read
    assert replies.model_of({}) == UNNAMED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("m:free", "m"),
        ("m:nitro", "models/M"),
        ("a/m-latest", "m-2411"),
        ("m", "m@20250101"),
        ("m", "m-250101"),
        ("m", "x/y/m"),
    ],
)
def test_a_route_a_prefix_and_capitals_are_no_part_of_a_name(one: str, other: str) -> None:
    """Asked for or answered."""
    assert same_model(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("m-latest-x", "m-x"), ("m:free2", "m"), ("m", "m-12"), ("m", "m-12345"), ("a/m", "b/a/n"), ("m", "xm")],
)
def test_what_only_looks_like_a_date_is_another_name(one: str, other: str) -> None:
    """And so is one that ends alike in the middle of a word."""
    assert not same_model(one, other)


@pytest.mark.parametrize(
    ("code", "status"),
    [(399, None), (400, 400), (599, 599), (600, None), (601, None), ("399", None), ("599", 599), ("600", None)],
)
def test_a_status_inside_an_error_is_an_errors(code: Any, status: int | None) -> None:
    """From 400 to 599, and in an object only."""
    assert replies.status_of({"code": code}) == status
    assert replies.status_of([code]) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"error": {"message": "gone", "code": "c"}}', "gone [c]"), (b'{"error": "gone"}', "gone"), (b'{"detail": 1}', '{"detail": 1}'),
        (b"[1]", "[1]"), (b"<html>", "<html>"), (b"caf\xe9", "caf\ufffd"), (b"x" * 5000, "x" * 4096), (b"", ""),
    ],
)  # fmt: skip
def test_the_words_of_a_page_are_its_message_or_its_beginning(content: bytes, words: str) -> None:
    """In whatever encoding."""
    assert replies.words_of(content) == words


def test_the_words_of_a_gateway_and_of_the_provider_behind_it_are_one_text() -> None:
    """With one of code and type between them; what is no text is shown as it is."""
    error = {"message": "gone", "code": "c", "type": "t", "metadata": {"raw": "too long"}}
    assert replies.message_of(error) == "gone [c] too long"
    assert replies.message_of({"message": "gone", "metadata": {"raw": 7}}) == "gone 7"
    assert replies.message_of({"message": "gone", "metadata": {"raw": ""}}) == "gone"
    assert replies.message_of({"message": "gone", "metadata": "raw"}) == "gone"


@pytest.mark.parametrize("name", ["tool_calls", "function_call"])
def test_an_answer_that_calls_is_none_though_it_ended_well(name: str) -> None:
    """An empty list of calls is no call."""
    called = {"finish_reason": "stop", "message": {"content": None, name: [{"id": "x"}]}}
    assert read_choice(called) == NoAnswer("no answer: the model called a tool (stop)", unanswerable=True)
    assert isinstance(read_choice({"finish_reason": "stop", "message": {"content": "C", name: []}}), dict)


@pytest.mark.parametrize(
    ("words", "filtered"),
    [
        ("x [content_filter]", True), ("Input was FLAGGED", True), ("HTTP 400: no", False),
        ("The request was rejected because it was considered high risk [content_filter]", True),
        ("Content Exists Risk [invalid_request_error]", True), ("Input text data may contain [DataInspectionFailed]", True),
        ("refused [InputTextRiskDetection]", True), ("refused [OutputTextRiskDetection]", True),
        ("refused [InputTextSensitiveContentDetected.Violence]", True), ("refused [RiskDetection]", False),
        ('{"base_resp": {"status_code": 1026}}', True), ('{"base_resp": {"status_code":1027}}', True),
        ('{"base_resp": {"status_code": 1028}}', False), ('{"base_resp": {"status_code": 10260}}', False),
        ("The guardrail checks defined in the config failed. [hooks_failed]", True), ("hooks_failed", False),
    ],
)  # fmt: skip
def test_a_filter_is_known_by_its_words(words: str, filtered: bool) -> None:
    """In any case."""
    assert filters.is_filtered(words) is filtered


@pytest.mark.parametrize(
    ("content", "certain"),
    [
        (b"{}", True),
        (b" [1] \n", True),
        (b"}{", False),
        (b"[", False),
        (b"event: x", True),
        (b"x{}", False),
        (b"{}x", False),
    ],
)
def test_whole_json_of_another_form_is_certain(content: bytes, certain: bool) -> None:
    """Though it may have two characters only."""
    assert replies.is_certain(content) is certain


def test_a_known_secret_is_in_no_text_of_a_reply() -> None:
    """Names of fields are texts, too: a tool's arguments may repeat it there."""
    secret = "s3cret-" + "x" * 20
    reply = {f"the {secret}": [secret, {"a": f"b {secret}"}], "n": 1}
    assert secret not in json.dumps(cleaned(reply, secret))
    assert cleaned(reply, secret)["n"] == 1
