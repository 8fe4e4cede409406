"""Quoting is tested by asking bash."""

from __future__ import annotations

import subprocess
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalctl.render.quoting import assignment, comment, word

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NASTY = st.sampled_from(
    ["", " ", "'", '"', "\\", "$HOME", "`id`", "$(id)", "a\nb", "\n", "-n", "~", "*", "{a,b}", "[0]=x", "a=b", "!x", "#c",
     "\n#$ -l h_rt=1", "#$ -o /x", "\u202e", "\r", "\x1b[2J", "\ufeff", "日本語\u3000の文", "'\\''", "\\x41", "\x1bA", "=~", "x'\n'y"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(ANY_TEXT, NASTY, st.lists(NASTY).map("".join)), max_size=8)


def bash_says(script: str, locale: str = "C.UTF-8") -> list[str]:
    """What a script prints, split at NUL."""
    reply = subprocess.run(["bash", "-c", script], capture_output=True, check=True, env={"LC_ALL": locale})
    return reply.stdout.decode().split("\0")[:-1]


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_bash_gets_back_exactly_these_words(texts: list[str]) -> None:
    """Whatever the words contain, an array assignment gives them back, one by one, byte by byte."""
    assert [*texts, "end"] == bash_says(f"{assignment('LIST', texts)}\nprintf '%s\\0' \"${{LIST[@]}}\" end" if texts
                                        else "printf '%s\\0' end")  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(ANY_TEXT, st.sampled_from(["C", "C.UTF-8"]))
def test_one_word_survives_every_locale(text: str, locale: str) -> None:
    """A plain assignment means the same bytes whatever the locale of the node."""
    assert [text] == bash_says(f"{assignment('TEXT', text)}\nprintf '%s\\0' \"$TEXT\"", locale)


@given(ANY_TEXT)
def test_no_line_of_a_quoted_text_is_a_directive(text: str) -> None:
    """Grid Engine reads `#$` lines anywhere in a script, so no text from a manifest may begin a line with one."""
    lines = assignment("TEXT", "first\n#$ -l x\n#PBS -q y\n#SBATCH z\n" + text).split("\n")
    assert not [line for line in lines if line.startswith(("#$", "#PBS", "#SBATCH", "#!"))]


def test_a_long_list_keeps_its_words() -> None:
    """Breaking a long command into lines changes nothing for bash."""
    command = [
        "vllm",
        "serve",
        "org/model",
        *(part for n in range(9) for part in (f"--option-{n}", "a value")),
        "--flag",
    ]
    assert command == bash_says(f"{assignment('LIST', command)}\nprintf '%s\\0' \"${{LIST[@]}}\"")
    assert "\n  --option-3 'a value'\n" in assignment("LIST", command)


def test_a_line_of_a_hundred_characters_is_not_broken() -> None:
    """One of 101 is, unless it has no two words that could stand on two lines."""
    assert assignment("A", ["x" * 90, "yyyyy"]) == f"A=({'x' * 90} yyyyy)"  # 100 characters
    assert assignment("A", ["x" * 90, "yyyyyy"]) == f"A=(\n  {'x' * 90}\n  yyyyyy\n)"
    assert assignment("A", ["x", "y"]) == "A=(x y)"
    assert assignment("A", ["x" * 200]) == f"A=({'x' * 200})"
    assert assignment("A" * 101, []) == f"{'A' * 101}=()"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-text_1.0/x:y,z=1", "plain-text_1.0/x:y,z=1"),
        ("", "''"),
        ("two words", "'two words'"),
        ("swallow|mmlu|0|0", "'swallow|mmlu|0|0'"),
        ("it's", '"it\'s"'),
        ("it's $5", "'it'\\''s $5'"),
        ("a:\n  b: 1\n", "'a:\n  b: 1\n'"),
        ("日本語", "'日本語'"),
        ("日本\u3000語", "'日本\u3000語'"),
        ("a\n# b", "'a\n# b'"),
        ("x\u202ey", "$'x\\xe2\\x80\\xaey'"),
        ("a\n#$ -l x", "$'a\n\\x23$ -l x'"),
    ],
)
def test_words_stay_readable(text: str, shown: str) -> None:
    """No needless quotes, no escapes for lines or Japanese; what a reviewer could not see is spelled out."""
    assert shown == word(text)


# Ranges of Unicode whose characters are invisible or change the direction of what follows (Cc, Cf, Zl, Zp, tags).
HIDDEN = [
    *range(0x01, 0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010),
    *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080),
]  # fmt: skip


@pytest.mark.parametrize("code", HIDDEN, ids=hex)
def test_what_cannot_be_seen_is_spelled_out(code: int) -> None:
    """In a word and in a comment, each of them; and bash gets it back."""
    text = f"a{chr(code)}b"
    assert chr(code) not in word(text)
    assert chr(code) not in comment(text)
    assert [text] == bash_says(f"printf '%s\\0' {word(text)}")


def test_every_format_character_of_unicode_is_spelled_out() -> None:
    """All that Unicode calls a control or a format character, but for signs that are drawn (Arabic, Syriac, …)."""
    drawn = ("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN HIEROGLYPH")
    for character in map(chr, range(1, 0x110000)):
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character not in "\t\n":
            assert character not in word(f"a{character}b") or unicodedata.name(character).startswith(drawn)


def test_a_nul_is_refused() -> None:
    """No shell word can hold a NUL, so it is an error and not a cut word."""
    with pytest.raises(ValueError, match="NUL"):
        word("a\0b")


@pytest.mark.parametrize("name", ["", "1A", "A B", "A;id", "A-B", "É", "A\n"])
def test_a_variable_name_is_only_a_name(name: str) -> None:
    """Names are never quoted, so anything but a name is refused."""
    with pytest.raises(ValueError, match="not a name"):
        assignment(name, "x")


@given(ANY_TEXT)
def test_a_comment_is_one_line_that_does_nothing(text: str) -> None:
    """A comment cannot end early and become a command, nor a directive."""
    line = comment(text)
    assert len(line.splitlines()) == 1
    assert line == "#" or line.startswith("# ")


def test_a_list_inside_a_function_is_indented_and_its_words_are_not() -> None:
    """Deeper lines are for the reader; a word with several lines stays what it is."""
    value = ["--first", "one\ntwo", "--second", "x" * 100]
    text = assignment("NAME", value, "  ")
    assert text.splitlines() == ["NAME=(", "    --first 'one", "two'", f"    --second {'x' * 100}", "  )"]
    script = f'{text}\nprintf "%s\\0" "${{NAME[@]}}"'
    told = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout
    assert told.split("\0")[:-1] == value
