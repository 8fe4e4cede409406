"""Reading YAML: the same data as ruamel.yaml reads by YAML 1.2, and the place of every part of it."""

from __future__ import annotations

import io
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from evalctl.load.yaml_source import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, parse, resolve_scalar

PRINTABLE = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co"), exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"
)
# libyaml (seen: 0.2.5) keeps YAML 1.1's rule that ? and : begin a key inside of brackets; people quote such words.
TEXT = st.text(PRINTABLE, max_size=20).filter(lambda text: text[:1] not in ("?", ":"))
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(allow_nan=False), TEXT,
    st.sampled_from(["NO", "on", "yes", "1e-5", "0x1F", "0o17", "24:00:00", "~", "null", "1_000", "", " ", ".5", "5.", "-"]),
)  # fmt: skip
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: len(key) < 100), inner, max_size=4)
    ),
    max_leaves=12,
)
STYLES = st.booleans() | st.none()


def dumped(data: Any, flow: bool | None) -> str:
    """`data` as ruamel.yaml writes it."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = flow
    writer.allow_unicode = True
    writer.width = (
        1_000_000  # ruamel.yaml 0.19.1 breaks a key of a flow mapping over two lines and cannot read that itself
    )
    out = io.StringIO()
    writer.dump(data, out)
    return out.getvalue().removesuffix("...\n")


@settings(max_examples=150, deadline=None)
@given(DATA, STYLES)
def test_what_ruamel_writes_is_read_back(data: Any, flow: bool | None) -> None:
    """Any data without aliases, in block and in flow form."""
    document, problems = parse(dumped(data, flow), "f.yaml")
    assert document is not None, problems
    assert json.dumps(document.data, sort_keys=True) == json.dumps(data, sort_keys=True), "1, 1.0 and true are three"


@settings(max_examples=100, deadline=None)
@given(DATA.filter(lambda data: isinstance(data, (dict, list)) and data), STYLES)
def test_positions_are_those_of_ruamel(data: Any, flow: bool | None) -> None:
    """Each key, and each value that ruamel.yaml knows the place of, stands where ruamel.yaml says."""
    text = dumped(data, flow)
    document, problems = parse(text, "f.yaml")
    assert document is not None, problems
    for path, kind, place in _places(YAML(typ="rt").load(text)):
        ours = (document.keys if kind == "key" else document.values)[path]
        assert ours[:2] == place, (path, kind, text)


def _places(node: Any, path: tuple[str | int, ...] = ()) -> Any:
    if not isinstance(node, (dict, list)) or not node:
        return
    positions: Any = node
    for key in node if isinstance(node, dict) else range(len(node)):
        inner = (*path, key)
        if isinstance(node, dict):
            line, column = positions.lc.key(key)
            yield inner, "key", (line + 1, column + 1)
        if not isinstance(node[key], (dict, list)) and isinstance(node, list):
            line, column = positions.lc.item(key)
            yield inner, "value", (line + 1, column + 1)
        yield from _places(node[key], inner)


# What ruamel.yaml adds to the core schema of YAML 1.2: dates, underscores, binary numbers, signed hexadecimal ones.
_BEYOND_THE_CORE = re.compile(r"[-+]?0b[01_]+|.*_.*|[-+]0[xo].*|\d{4}-\d\d?-\d\d?.*|0o.*[89].*|[-+]?0[xo]|=|<<")


@settings(max_examples=500, deadline=None)
@given(
    st.text("0123456789+-.eExXoOaAfFnNiIrRuUlLtTsS~yYoO:", min_size=1, max_size=8).filter(
        lambda word: not _BEYOND_THE_CORE.fullmatch(word)
    )
)
def test_plain_words_mean_what_ruamel_says(word: str) -> None:
    """Numbers, truth values and null are those of YAML 1.2; everything else is text."""
    reader = YAML(typ="safe", pure=True)
    try:
        expected = reader.load(f"- {word}\n")
    except Exception:
        return  # not a plain word: a key, a list item, an alias
    if expected is None or not isinstance(expected[0], (str, int, float, bool, type(None))):
        return
    ours = resolve_scalar(word)
    assert type(ours) is type(expected[0]), (ours, expected[0])
    assert ours == expected[0] or (ours != ours and expected[0] != expected[0])


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("Off", "Off"), ("y", "y"), ("24:00:00", "24:00:00"), ("1e-5", 1e-5),
        ("010", 10), ("0o17", 15), ("0x10", 16), ("1_000", "1_000"), ("2026-11-20", "2026-11-20"), ("0b11", "0b11"),
        ("True", True), ("~", None), ("", None), ("NULL", None), ("nULL", "nULL"), ("-.INF", -math.inf), ("1e400", math.inf),
        ("+1", 1), ("1.", 1.0), (".5", 0.5), (".", "."), ("1.2.3", "1.2.3"), ("9" * 30, int("9" * 30)),
    ],
)  # fmt: skip
def test_yaml_1_2_not_1_1(word: str, value: Any) -> None:
    """What YAML 1.1 reads otherwise: NO is not false, 1e-5 is a number, times and dates are text."""
    assert resolve_scalar(word) == value
    assert type(resolve_scalar(word)) is type(value)


def test_a_number_of_any_length_is_no_crash() -> None:
    """Up to 300 digits a number can be printed and computed with as a float; longer words are text, as in any other base."""
    assert resolve_scalar("9" * 10_000) == "9" * 10_000
    assert resolve_scalar("0x" + "f" * 3990) == "0x" + "f" * 3990
    assert float(resolve_scalar("9" * 300)) == 1e300


def test_keys_are_text_as_written() -> None:
    """`1.10` and `1.1` are two names, and `on` is one."""
    document, _ = parse("1.10: a\n1.1: b\non: c\nnull: d\n0x10: e\n", "f.yaml")
    assert document is not None
    assert document.data == {"1.10": "a", "1.1": "b", "on": "c", "null": "d", "0x10": "e"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("[]{}:,-?&*!|>'\"%@`# \t\n\r\x00\x85\u2028ab1", max_size=60))
def test_no_text_is_a_crash(text: str) -> None:
    """Data or a finding with a place inside the text, whatever the text."""
    document, problems = parse(text, "f.yaml")
    assert (document is None) == bool(problems)
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    for problem in problems:
        assert 1 <= problem.span.line <= len(lines)
        assert problem.message and problem.help
        assert problem.span.end_column > problem.span.column >= 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_is_limited_whatever_its_length(opening: str) -> None:
    """A hundred thousand open brackets are refused at the first that is too deep, at once."""
    document, problems = parse(opening * 100_000, "f.yaml")
    assert document is None
    assert problems[0].code in ("yaml-feature", "yaml-syntax")


def test_nesting_up_to_the_limit_is_read() -> None:
    """The limit is a limit, not one less."""
    assert parse("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f.yaml")[0] is not None
    assert parse("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "f.yaml")[0] is None


def test_a_file_that_is_too_large_is_not_scanned() -> None:
    """One character too many."""
    assert parse("#" + "x" * (MAX_CHARACTERS - 1), "f.yaml")[0] is not None
    assert parse("#" + "x" * MAX_CHARACTERS, "f.yaml")[1][0].code == "file-too-large"


@pytest.mark.parametrize("text", ["- 1\n" * MAX_VALUES * 2, "".join(f"k{number}: 1\n" for number in range(MAX_VALUES))])
def test_a_file_of_too_many_values_is_not_read_to_its_end(text: str) -> None:
    """Each of them could be a finding of its own, with a guess at what was meant."""
    (problem,) = parse(text, "f.yaml")[1]
    assert problem.code == "file-too-large" and "values" in problem.message


def test_a_file_of_many_values_is_read() -> None:
    """Below the limit nothing is said."""
    assert parse("- 1\n" * (MAX_VALUES - 1), "f.yaml")[1] == []
