"""Edits of tables and lists: what was asked for is there afterwards, and every other character stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl.editing.lists import scalar, with_item
from evalctl.editing.tables import appended, replaced
from evalctl.load import csv_source, yaml_source
from evalctl.load.csv_source import Table

COLUMNS = ("key", "text", "time")
CELLS = st.text(alphabet='abc日 ,"=.', max_size=6).map(str.strip)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """A table as the lab's editors leave it: quotes or not, trailing commas or not, any line end, the last one or none."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    tail = draw(st.sampled_from(["", ",", ",,"]))
    always = draw(st.booleans())
    rows = draw(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
    lines = [
        ",".join((f"k{number}", _written(text, always), _written(time, False)))
        for number, (text, time) in enumerate(rows)
    ]
    lines = [",".join(COLUMNS), *(line + tail for line in lines)]
    return draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end, end + "," + end]))


def _written(text: str, always: bool) -> str:
    quoted = '"' + text.replace('"', '""') + '"'
    return quoted if always or any(mark in text for mark in ',"') else text


def parsed(text: str) -> Table:
    """A table without mistakes."""
    table, problems = csv_source.parse(text, "t.csv", COLUMNS)
    assert problems == []
    return table


@given(tables(), CELLS, CELLS)
def test_a_new_row_is_read_back_and_the_others_are_untouched(text: str, value: str, time: str) -> None:
    """Behind the last row, in the form of that row."""
    before = parsed(text)
    longer = appended(text, before, [{"key": "new", "text": value, "time": time}])
    after = parsed(longer)
    assert [row.cells for row in after.rows[:-1]] == [row.cells for row in before.rows]
    assert after.rows[-1].cells == {"key": "new", "text": value, "time": time}
    kept = [
        line for number, line in enumerate(longer.splitlines(keepends=True), 1) if number != after.rows[-1].span.line
    ]
    assert "".join(kept).rstrip("\r\n,") == text.rstrip("\r\n,")


@given(tables(), CELLS, CELLS, st.data())
def test_a_replaced_cell_is_read_back_and_the_others_are_untouched(
    text: str, value: str, other: str, data: st.DataObject
) -> None:
    """Two cells of one row at once, quoted or not."""
    before = parsed(text)
    at = data.draw(st.integers(0, len(before.rows) - 1))
    row = before.rows[at]
    after = parsed(replaced(text, [(row.spans["text"], value), (row.spans["time"], other)]))
    wanted = [dict(one.cells) for one in before.rows]
    wanted[at] |= {"text": value, "time": other}
    assert [row.cells for row in after.rows] == wanted


def test_a_cell_given_its_own_value_changes_nothing() -> None:
    """Blanks around it included."""
    text = 'key,text,time\r\na, b ,"c ""d"""\r\n'
    row = parsed(text).rows[0]
    assert replaced(text, [(row.spans["text"], "b"), (row.spans["time"], 'c "d"')]) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: [x, y] # why\nb: 1\n", "a: [x, y, new] # why\nb: 1\n"),
        ("a: [\n  x,\n  y\n]\n", "a: [\n  x,\n  y, new\n]\n"),
        ("a:\n- x\n- y # last\n# next\nb: 1\n", "a:\n- x\n- y # last\n- new\n# next\nb: 1\n"),
        ("a:\n  - x\n  -   y", "a:\n  - x\n  -   y\n  -   new"),
        ("a:\r\n  - x\r\nb: 1\r\n", "a:\r\n  - x\r\n  - new\r\nb: 1\r\n"),
        ("a:\n  - {k: 1,\n     l: 2}\n\nb: 1\n", "a:\n  - {k: 1,\n     l: 2}\n  - new\n\nb: 1\n"),
        ('a: ["x, y"]\n', 'a: ["x, y", new]\n'),
        ("a: []\nb: 1\n", "a:\n  - new\nb: 1\n"),
        ("a:  [ ]\r\n", "a:\r\n  - new\r\n"),
    ],
)  # fmt: skip
def test_an_item_joins_a_list_in_the_list_s_own_form(text: str, wanted: str) -> None:
    """Block or flow, with the comments and line ends of the file."""
    document, _ = yaml_source.parse(text, "s.yaml")
    assert document is not None
    assert with_item(text, document, ("a",), "new") == wanted


@pytest.mark.parametrize("text", ["a: []  # none\n", "a: word\n", "a: {b: 1}\n", "a:\n"])
def test_what_is_no_list_or_an_empty_one_with_a_comment_is_left_to_a_person(text: str) -> None:
    """Nothing shows how an item would have to be written."""
    document, _ = yaml_source.parse(text, "s.yaml")
    assert document is not None
    assert with_item(text, document, ("a",), "new") is None


@given(st.text(alphabet="ab1:@#{}[],'\"\\ \u65e5-.", min_size=1, max_size=8) | st.sampled_from(["null", "yes", "1e3"]))
def test_a_scalar_is_read_back_as_the_same_text(word: str) -> None:
    """Quoted where YAML would see something else in it."""
    document, problems = yaml_source.parse(f"a: [{scalar(word)}]\n", "s.yaml")
    assert problems == []
    assert document is not None
    assert document.data == {"a": [word]}
