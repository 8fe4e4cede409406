"""The one reader of documents that one program writes and another reads: what a type says, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import pytest

from evalctl_job.typed import NO_DATE, Form, Moment, read


@dataclass(frozen=True, slots=True)
class Inner:
    """A part of the document."""

    path: str


@dataclass(frozen=True, slots=True)
class Whole:
    """Every kind of field that there is."""

    name: str
    count: int = 0
    share: float = 0.5
    at: Moment | None = None
    even: Annotated[int, Form(lambda value: value % 2 == 0, "odd")] = 0
    words: tuple[str, ...] = ()
    numbers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    inner: Inner | None = None
    several: tuple[Inner, ...] = ()
    free: Any = None


WHOLE: dict[str, Any] = {
    "name": "a", "count": 3, "share": 1, "at": 5.5, "even": 4, "words": ["x", "y"], "numbers": {"a": {"b": 1, "c": 0.5}},
    "inner": {"path": "p"}, "several": [{"path": "q"}, {"path": "r"}], "free": [{"any": "thing"}],
}  # fmt: skip


def test_a_document_becomes_a_value_and_the_same_document_again() -> None:
    """Lists are tuples, objects are values; a number keeps the form in which it was written."""
    found = read(Whole, WHOLE)
    assert found == Whole(
        "a", 3, 1, 5.5, 4, ("x", "y"), {"a": {"b": 1, "c": 0.5}}, Inner("p"), (Inner("q"), Inner("r")), [{"any": "thing"}]
    )  # fmt: skip
    assert type(found.share) is int
    assert asdict(found) == {**WHOLE, "words": ("x", "y"), "several": ({"path": "q"}, {"path": "r"})}


def test_null_is_as_if_the_key_were_absent() -> None:
    """Defaults hold for both; a key that must be there is missing."""
    assert read(Whole, {"name": "a", **dict.fromkeys(["count", "words", "numbers", "at", "inner"])}) == Whole("a")
    with pytest.raises(ValueError, match="its `name` is missing"):
        read(Whole, {"name": None})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("name", 1, "its `name` is 1"), ("count", "1", "its `count` is '1'"), ("count", True, "its `count` is True"),
        ("count", 1.5, "its `count` is 1.5"), ("share", "half", "its `share` is 'half'"), ("share", False, "is False"),
        ("at", -1, "its `at` is no time: -1"), ("at", NO_DATE, "no time"), ("even", 3, "its `even` is odd: 3"), ("words", "xy", "is 'xy'"),
        ("words", ["x", 1], "its `words` is 1"), ("numbers", [], "`numbers`"), ("numbers", {"a": 1}, "`numbers`"),
        ("numbers", {"a": {"b": "c"}}, "its `numbers` is 'c'"), ("inner", "p", "Inner is not an object"),
        ("inner", {}, "its `path` is missing"), ("inner", {"path": "p", "more": 1}, "Inner has no more"), ("several", {}, "`several`"),
        ("several", [{"path": 1}], "its `path` is 1"), ("other", 1, "Whole has no other"),
    ],
)  # fmt: skip
def test_what_the_type_does_not_say_is_refused_with_the_reason(name: str, value: Any, why: str) -> None:
    """A wrong kind, a wrong form, an unknown key: nothing is converted and nothing is passed over."""
    with pytest.raises(ValueError, match=why):
        read(Whole, {**WHOLE, name: value})


@pytest.mark.parametrize("document", [None, [], "a", 1])
def test_only_an_object_is_a_document(document: Any) -> None:
    """Whatever else JSON may be."""
    with pytest.raises(ValueError, match="Whole is not an object"):
        read(Whole, document)


def test_more_than_the_type_has_is_passed_over_where_another_version_may_have_written_it() -> None:
    """In parts of the document, too; all that the type has is as strict as ever."""
    assert read(Whole, {"name": "a", "more": 1, "inner": {"path": "p", "more": 1}}, extra=True) == Whole(
        "a", inner=Inner("p")
    )
    with pytest.raises(ValueError, match="its `count`"):
        read(Whole, {"name": "a", "count": "1", "more": 1}, extra=True)


def test_a_reason_is_short_however_long_the_value() -> None:
    """It is shown on one line."""
    with pytest.raises(ValueError, match="its `count`") as error:
        read(Whole, {"name": "a", "count": "x" * 10_000})
    assert len(str(error.value)) <= 120
