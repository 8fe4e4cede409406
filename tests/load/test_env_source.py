"""`.env` is read exactly as bash reads it, or refused by line: real bash is asked."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evalctl.load.env_source import parse

SURROUNDINGS = {"HOME": "/home/me", "USER": "me", "LOGNAME": "me", "LC_ALL": "C.UTF-8"}
# As a job reads the file (evalctl_job's supervisor/node.py); nothing can be found to be run, and what is redirected goes to an empty folder.
PROGRAM = 'trap "/usr/bin/env -0" EXIT; set -a; PATH=/nowhere; source "$1" >&2'


def bash(data: bytes) -> dict[str, str]:
    """The exported variables after bash has sourced a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "env"
        path.write_bytes(data)
        done = subprocess.run(
            ["/bin/bash", "-c", PROGRAM, "bash", str(path)],
            env=SURROUNDINGS, cwd=folder, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    pairs = [os.fsdecode(pair).partition("=") for pair in done.stdout.split(b"\0") if pair]
    return {name: value for name, _, value in pairs}


def agree(data: bytes) -> bool:
    """Whether nothing is refused; each value that is read must then be bash's."""
    values, refusals = parse(data, SURROUNDINGS)
    assert all(one.reason and one.help and one.line >= 1 for one in refusals)
    if not refusals:
        there = bash(data)
        assert {name: value.text for name, value in values.items()} == {name: there.get(name) for name in values}
        assert set(there) - set(values) <= {*SURROUNDINGS, "PATH", "PWD", "OLDPWD", "SHLVL", "_"}
    return not refusals


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("X='a b' # c", "a b"), ('X="a \\"b\\""', 'a "b"'), ("X=a\\ b", "a b"), ("X=a\"b\"'c'", "abc"),
        ("export X=1", "1"), ("  export\tX=1\t", "1"), ("X=", ""), ("X=a#b", "a#b"), ("X=#b", "#b"), ("X= # b", ""),
        ("A=1\nX=$A/2", "1/2"), ("A=1\nX=${A}2", "12"), ('A="1 2"\nX=$A', "1 2"), ('A="1  2"\nexport X=$A', "1  2"),
        ("X=$HOME/x", "/home/me/x"), ("X=1\nX=2", "2"), ("X='$A`b`\\'", "$A`b`\\"), ('X="a\\b\\$c"', "a\\b$c"), ("X={a,b}", "{a,b}"),
        ("X=*", "*"), ("X=a=b", "a=b"), ("X=a~b", "a~b"), ("X='~'", "~"), ("X=é日本", "é日本"), ("X=\"'\"", "'"), ("X=a!b", "a!b"),
        ("# it's 'a comment\nX=1", "1"), ("\n\n X=1", "1"), ("X='{\"a\": 1}'", '{"a": 1}'), ("X=\\'", "'"), ("X=a\\\\b", "a\\b"),
    ],
)  # fmt: skip
def test_a_line_has_the_value_that_bash_gives_it(text: str, value: str) -> None:
    """Quotes before a comment, escapes, parts side by side, variables of earlier lines, no line end at the end."""
    assert agree(text.encode())
    assert parse(text.encode(), SURROUNDINGS)[0]["X"].text == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X=a b", "text follows the value"), ("X = a", "not NAME=value"), ("X: a", "not NAME=value"), ("1X=a", "not NAME=value"),
        ("X-Y=a", "not NAME=value"), ("X+=a", "not NAME=value"), ("X[0]=a", "not NAME=value"), ("export X", "not NAME=value"),
        ("declare X=a", "not NAME=value"), ("export -n X=a", "not NAME=value"), ("X=a Y=b", "text follows"), ("ü=a", "not NAME=value"),
        ("X='a", "not closed"), ("X='a\nb'", "not closed"), ('X="a\nb"', "not closed"), ('X="a', "not closed"), ("X=a\\", "joins the line"),
        ("X=$(id)", "would run"), ("X=$((1+1))", "compute a sum"), ("X=`id`", "would be run"), ('X="`id`"', "would be run"),
        ("X=${Y:-a}", "begins an expression that the shell computes"), ("X=$$", "begins an expression"), ("X=a$", "begins an expression"), ("X=$1", "begins"),
        ("X=$Y", "may differ"), ("X=$HOSTNAME", "may differ"), ("X=$'a'", "special form of quotes"), ('X=$"a"', "special form of quotes"),
        ("X=~/a", "replaces `~`"), ("X=a:~", "replaces `~`"), ("X=a;b", "`;` has a special meaning"), ("X=(a b)", "`(` has a special meaning"), ("X=<a", "`<` has a special meaning"),
        ("export X={a,b}", "after export"), ("X=a\r", "Windows (CRLF)"), ("X='a\r'", "control character"), ("X=a\x01", "control character"),
        ("UID=5", "of the shell itself"), ("_=5", "of the shell itself"), ("BASH_ENV=a", "of the shell itself"), ("PATH=/x", "of the shell"),
        ("\ufeffX=a", "byte order mark"), ("X=a\0b", "NUL"), ("if true; then X=1; fi", "not NAME=value"), ("# a\r\nX=1", "Windows (CRLF)"),
    ],
)  # fmt: skip
def test_a_line_that_bash_reads_otherwise_is_refused(text: str, said: str) -> None:
    """What the shell computes, what takes more than a line, names that are none or belong to the shell."""
    refusals = parse(text.encode(), SURROUNDINGS)[1]
    assert any(said in one.reason for one in refusals), refusals
    assert not agree(text.encode())


def test_a_value_of_another_encoding_is_refused_and_a_comment_is_not() -> None:
    """Other programs read such a value as other text."""
    assert agree("# 評価者\nX=1".encode("shift_jis"))
    assert parse("X=評価者".encode("shift_jis"), SURROUNDINGS)[1][0].reason == "the value is not UTF-8"


def test_a_refusal_names_its_line_and_no_part_of_it() -> None:
    """A line may hold a key."""
    key = "Very" + "Secret1"
    refusals = parse(f"A=1\n# note\n{key} = {key}\nB=${key}\nC='{key}\n".encode(), SURROUNDINGS)[1]
    assert [one.line for one in refusals] == [3, 4, 5]
    assert key not in str(refusals)


def test_every_variable_that_bash_changes_is_refused() -> None:
    """A plain value of each variable that bash has, or that its manual names: it reaches the environment or is refused."""
    listed = subprocess.run(
        ["/bin/bash", "-c", "compgen -v"], env=SURROUNDINGS, capture_output=True, text=True, check=True
    ).stdout.split()
    manual = "RANDOM SRANDOM SECONDS LINENO HISTCMD EPOCHSECONDS EPOCHREALTIME FUNCNAME COMP_CWORD OPTARG FUNCNEST BASH_ENV ENV TMOUT LANG"
    for name in sorted(
        {*listed, *manual.split(), "POSIXLY_CORRECT", "GLOBIGNORE", "SHELL", "TERM", "HOSTNAME", "HOME"}
    ):
        agree(f"{name}=abc\nexport Y='d e'\nX=$HOME".encode())


_WORDS = [
    "a", "b1", "X", "=", " ", "\t", "'", '"', "\\", "$", "${", "}", "{", "#", "~", ":", "`", ";", ",", "*", "?", "[", "]", "!", "%",
    "+", "-", "/", "é", "日", "$A", "${A}", '"$A"', "'q r'", '"s t"', "\\ ", '\\"', "\\'", "\\\\", "\r", "\x7f", "\u3000", "\xa0", "..",
    "$HOME", "&", "|", "^", "@", "\udcff", "\udc81\\",
]  # fmt: skip
_VALUES = st.lists(st.sampled_from(_WORDS), max_size=7).map("".join)
_NAMES = st.sampled_from(["X=", "Y=", "A=", "export X=", " X=", "export Y=", "", "#", "export "])
_LINES = st.lists(st.tuples(_NAMES, _VALUES).map("".join), min_size=1, max_size=3)


@settings(max_examples=300)
@given(_LINES, st.booleans())
@example(["export X=$A"], True)
@example(["X='a b'\"c\"\\ d # e"], False)
def test_any_line_is_read_as_bash_reads_it_or_refused(lines: list[str], ended: bool) -> None:
    """Never another value without a word; the first line gives `$A` something that would be split or matched."""
    text = "\n".join(["A='q  *'", *lines]) + ("\n" if ended else "")
    agree(text.encode("utf-8", "surrogateescape"))
