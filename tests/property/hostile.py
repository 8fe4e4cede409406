"""Strategies for hostile input of every kind, and the checks that hold whatever the input is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import yaml
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from samples import base_texts, quoted

from evalctl import cli

T = TypeVar("T")
CANARY = "canary"
# Without shrinking: an example takes a second, and says what is wrong as it is.
_PHASES = (Phase.explicit, Phase.generate)
# `EVALCTL_FUZZ=2000` asks for so many examples of each kind, others every time; without it a few, always the same.
_WANTED = int(os.environ.get("EVALCTL_FUZZ", "0"))
# Processor time, which other processes do not change: some 20 times what the slowest example takes here.
_SECONDS, _SECONDS_PER_KB = 8.0, 0.5
_MISLEADING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def examples(few: int, share: float = 1.0) -> settings:
    """The number of examples of one test: `few`, or that share of what the variable says."""
    return settings(
        max_examples=int(_WANTED * share) or few, deadline=None, derandomize=not _WANTED,
        suppress_health_check=list(HealthCheck), phases=_PHASES,
    )  # fmt: skip


def one_of(values: Sequence[T]) -> st.SearchStrategy[T]:
    """As sampled_from, whose description would hold all values; some are long."""
    return st.integers(0, len(values) - 1).map(values.__getitem__)


# ---- Parts ------------------------------------------------------------------------------------------------------

FRAGMENTS = (
    f"$(touch {CANARY})", f"`touch {CANARY}`", f"; touch {CANARY};", f"'; touch {CANARY} #", f'"; touch {CANARY} #',
    f"\ntouch {CANARY}\n", f"| touch {CANARY}", f"\n#$ -l h_rt=1:0:0\ntouch {CANARY}\n", "\n#SBATCH --wrap=id\n", "\n#PBS -q x\n",
    "{{ 7*7 }}", "{% x %}", "%(x)s", "%s%n", "{0}", "{0.__class__}", "${HOME}", "$HOME", "\x1b[2J", "\x1b]0;x\x07", "\x9b31m",
    "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\x85", "\x00", "\x07", "\x08", "\r", "\r\n", "\n", "\t", "\x7f", "\ufffe",
    "../../etc/passwd", "..", "/", "//", "-x", "--help", "~root", "*", "?", "[", "]", "{", "}", "\\", "'", '"', "|", "<b>", "@all",
    "::error::x", "\n::set-output name=x::y\n", "раypal", "ｆｕｌｌ", "日本語", "😀", "e\u0301", "\U000e0041", "<<", "=", "<|im_end|>", "#", "&a",
    "*a", "!!str", "---", "...", "null", "~", "x" * 300, "長" * 5000,
)  # fmt: skip
# As they stand in YAML, so that numbers, tags and aliases are among them.
RAW = (
    "0x" + "f" * 3990, "0o" + "7" * 3990, "9" * 400, "9" * 3999, "9" * 5000, "-" + "9" * 400, "1e308", "1e309", "-1e309", ".inf", "-.inf",
    ".nan", "NaN", "Infinity", "0", "-0", "-1", "0.0", "1e-320", "1e400000", "9223372036854775808", "1_000", "0b1", "1:30:00", "012",
    "2026-11-27", "true", "no", "null", "~", "", "[]", "{}", "[[[[[[]]]]]]", "{a: {b: {c: {}}}}", "[1, two, null]", "&a [*a, *a]", "*a",
    "&a x", "!!python/object/apply:os.system [touch canary]", "!!binary aGk=", "!!set {a}", "!x y", "<<: {a: 1}", "{<<: {a: 1}}",
    "? [a]\n: b", "{[a]: b}", "{a: 1, a: 2}", "'", '"', "[", "{", "- a\n- b", "|\n  x", "%YAML 1.1", "@x", "`x`", '"\\ud800"', '"\\0"',
    '"\\x1b[2J"', '"\\u202e"', "[" * 60 + "]" * 60, "{a: " * 60 + "}" * 60, "[" * 5000, "[" + "x, " * 3000 + "]", '"' + "x" * 300_000 + '"',
)  # fmt: skip
TEXTS = st.lists(st.one_of(one_of(FRAGMENTS), st.text(max_size=4)), min_size=1, max_size=3).map("".join)
NUMBERS = st.one_of(
    one_of([0, -1, 1, 10**15, 10**19, 10**308, 10**400, -(10**400), 10**4299, 2**63, 0.0, -0.0, 1e-320, 1e308, 0.1]),
    st.integers(), st.floats(),
)  # fmt: skip
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)), max_leaves=4,
)  # fmt: skip
DEEP = "[" * 200_000 + "]" * 200_000
BYTES = (
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xfe\xff",
    b"\r",
    b"\x1b[2J",
    b"\xf4\x90\x80\x80",
    b"\n\n",
    b"\t",
)


# ---- Changes of good input --------------------------------------------------------------------------------------


def places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in plain data, containers among them."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


class Raw(str):
    """Text that is written as it is, not as a quoted word."""


def replaced(data: Any, path: tuple[Any, ...], value: Any, key: str | None = None) -> Any:
    """A copy of `data` with `value` at `path`; `key` also gives its key another name."""
    if not path:
        return value
    here, rest = path[0], path[1:]
    if isinstance(data, dict):
        renamed = key if key is not None and not rest else here
        return {
            (renamed if name == here else name): replaced(old, rest, value, key) if name == here else old
            for name, old in data.items()
        }
    return [replaced(old, rest, value, key) if number == here else old for number, old in enumerate(data)]


def flow(data: Any) -> str:
    """Plain data as YAML in flow style; of Raw the text itself."""
    if isinstance(data, Raw):
        return data
    if isinstance(data, dict):
        return f"{{{', '.join(f'{flow(key)}: {flow(value)}' for key, value in data.items())}}}"
    if isinstance(data, list):
        return f"[{', '.join(map(flow, data))}]"
    if isinstance(data, str):
        return quoted(data) if not re.search("[\ud800-\udfff]", data) else json.dumps(data)
    return json.dumps(data) if isinstance(data, float | bool | None) else _whole(data)


def _whole(number: int) -> str:
    return hex(number) if abs(number) > 10**4000 else str(number)


@st.composite
def changed_yaml(draw: st.DrawFn, text: str) -> bytes:
    """A good YAML text with one or two hostile values or keys, or with hostile bytes."""
    data = yaml.safe_load(text)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        path = draw(one_of(sorted(places(data), key=repr)))
        key = draw(st.one_of(st.none(), st.none(), st.none(), TEXTS))
        value = draw(st.one_of(one_of(RAW).map(Raw), TEXTS, JSON_VALUES))
        data = replaced(data, path, value, key)
    block = isinstance(data, dict) and not isinstance(data, Raw) and draw(st.booleans())
    lines = [f"{flow(key)}: {flow(value)}\n" for key, value in data.items()] if block else [flow(data)]
    return draw(broken("".join(lines).encode("utf-8", "surrogatepass")))


@st.composite
def changed_text(draw: st.DrawFn, text: str) -> bytes:
    """A good text with a hostile fragment in one place, or with a line that is gone or twice there."""
    at = draw(st.integers(0, len(text)))
    lines = text.splitlines(keepends=True)
    number = draw(st.integers(0, max(0, len(lines) - 1)))
    made = draw(
        st.one_of(
            TEXTS.map(lambda part: text[:at] + part + text[at:]), one_of(RAW).map(lambda part: text[:at] + part + text[at:]),
            st.just("".join(lines[:number] + lines[number + 1 :])), st.just("".join(lines[: number + 1] + lines[number:])),
            st.just(text[:at]), st.just(text.replace("\n", "\r\n")),
        )
    )  # fmt: skip
    return draw(broken(made.encode("utf-8", "surrogatepass")))


@st.composite
def changed_table(draw: st.DrawFn, text: str) -> bytes:
    """A table with a hostile cell."""
    rows = [line.split(",") for line in text.splitlines()]
    row = draw(st.integers(0, len(rows) - 1))
    column = draw(st.integers(0, len(rows[row]) - 1))
    value = draw(st.one_of(TEXTS, one_of(RAW)))
    cell = value if draw(st.booleans()) else '"' + value.replace('"', '""') + '"'
    rows[row][column] = cell
    return "\n".join(map(",".join, rows)).encode("utf-8", "surrogatepass")


@st.composite
def broken(draw: st.DrawFn, data: bytes) -> bytes:
    """Mostly `data` as it is; one time in eight with bytes that are no text of a manifest."""
    if draw(st.integers(0, 7)) != 7 or not data:
        return data
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from(BYTES)) + data[at:]


@st.composite
def changed_json(draw: st.DrawFn, document: Any, *, times: int = 2) -> bytes:
    """A good JSON document with hostile values, or no JSON at all."""
    data = document
    for _ in range(draw(st.integers(1, times))):
        path = draw(one_of(sorted(places(data), key=repr)))
        data = replaced(data, path, draw(JSON_VALUES), draw(st.one_of(st.none(), st.none(), TEXTS)))
    text = dumped(data)
    whole = one_of(
        [text, text, text, text, text, DEEP, "", "null", "1e999", text[:-1], '{"a":' * 100_000, "[" + "9" * 5000 + "]"]
    )
    return draw(broken(draw(whole).encode("utf-8", "surrogatepass")))


def dumped(data: Any) -> str:
    """JSON, also of numbers that Python prints only when it is allowed to."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(data, ensure_ascii=len(str(data)) % 2 == 0)
    finally:
        sys.set_int_max_str_digits(limit)


# ---- What holds whatever was read -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


def answer(root: Path, *words: str, size: int = 0) -> Answer:
    """One command in this process; it may refuse, and neither fail, be slow, nor print what misleads a reader."""
    streams = [TextIOWrapper(BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    before = time.process_time()
    with _streams(*streams):
        try:
            code = cli.main(["--repo", str(root), *words])
        except SystemExit as usage:
            code = usage.code if isinstance(usage.code, int) else -1
    taken = time.process_time() - before
    out, err = (stream.buffer.getvalue().decode("utf-8") for stream in streams)  # type: ignore[attr-defined]
    said = f"{words}: exit {code}\n{out[-3000:]}\n{err[-6000:]}"
    assert code in (0, 1), said
    assert "Traceback" not in err, said
    assert taken <= _SECONDS + _SECONDS_PER_KB * size / 1024, f"{words}: {taken:.1f} s for {size} bytes"
    # Markdown is for a platform: there evalctl itself breaks addresses and mentions by one character without width.
    shown = re.sub("(?<=:|@|-)\u200b|(?<=www)\u200b", "", out) if {"markdown", "comment"}.intersection(words) else out
    hidden = _MISLEADING.search(shown) or _MISLEADING.search(err)
    assert hidden is None, f"U+{ord(hidden[0]):04X} in the output of {said}"
    return Answer(code, out, err)


@contextmanager
def _streams(out: TextIOWrapper, err: TextIOWrapper) -> Iterator[None]:
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        yield
    finally:
        sys.stdout, sys.stderr = kept


def nothing_ran(root: Path) -> None:
    """No canary, and every script is bash."""
    assert not [path for path in (*root.rglob(CANARY), Path(CANARY)) if path.exists()]
    for script in root.glob("generated/**/*.sh"):
        reply = subprocess.run(["bash", "-n", script], capture_output=True, check=False)
        assert (reply.returncode, reply.stderr) == (0, b""), script


def written(root: Path, files: Mapping[str, bytes]) -> Path:
    """The base with `files` over it at `root`."""
    whole = {path: text.encode() for path, text in base_texts().items()} | dict(files)
    for path, data in whole.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return root
