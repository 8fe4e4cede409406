"""Reads JSON and TOML that another program wrote as values of frozen types.

The fields of a dataclass define its document. Everything else is refused with the reason. `null` is as if the key
were absent, since JSON of earlier versions has both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
_Read = Callable[[Any], Any]
_LONGEST = 120  # of a reason: a wrong value may be long
NO_DATE = 253_402_300_800  # seconds since 1970 of the year 10000: from then on, times have no date


@dataclass(frozen=True, slots=True)
class Form:
    """A condition of a field beyond its type, as `Annotated[float, Form(is_moment, "no time")]`."""

    holds: Callable[[Any], bool]
    wrong: str  # text about a value that does not have the form


Moment = Annotated[float, Form(lambda value: 0 <= value < NO_DATE, "no time")]


class _WrongValue(Exception):
    """The text says what the value is."""


def read(kind: type[T], document: Any, *, extra: bool = False) -> T:
    """The document as a value of `kind`, a dataclass; ValueError with the reason where it is invalid.

    Keys that the type does not have are refused, unless `extra`: then keys of other versions are ignored.
    """
    if not isinstance(document, dict):
        raise ValueError(f"{kind.__name__} is not an object")
    readers, required = _fields(kind, extra)
    if not extra and (unknown := sorted(document.keys() - readers.keys())):
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}"[:_LONGEST])
    values = {
        name: _value(name, one, document[name]) for name, one in readers.items() if document.get(name) is not None
    }
    if missing := required - values.keys():
        raise ValueError(f"its `{min(missing)}` is missing")
    return kind(**values)


def _value(name: str, reader: _Read, value: Any) -> Any:
    try:
        return reader(value)
    except _WrongValue as error:
        raise ValueError(f"its `{name}` is {error}"[:_LONGEST]) from None


_FIELDS: dict[tuple[type[Any], bool], tuple[Mapping[str, _Read], frozenset[str]]] = {}


def _fields(kind: type[Any], extra: bool) -> tuple[Mapping[str, _Read], frozenset[str]]:
    """The reader of each field, and the names of required ones; cached."""
    if (kind, extra) not in _FIELDS:
        hints, own = get_type_hints(kind, include_extras=True), fields(kind)
        required = (one.name for one in own if one.default is MISSING and one.default_factory is MISSING)
        _FIELDS[kind, extra] = {one.name: _reader(hints[one.name], extra) for one in own}, frozenset(required)
    return _FIELDS[kind, extra]


def _reader(hint: Any, extra: bool) -> _Read:
    origin, inner = get_origin(hint), get_args(hint)
    if hint in (Any, object):
        return _as_it_is
    if origin is Annotated:
        return partial(_formed, _reader(inner[0], extra), inner[1])
    if origin in (Union, UnionType):
        (other,) = (one for one in inner if one is not NoneType)
        return _reader(other, extra)
    if origin is tuple:
        return partial(_several, _reader(inner[0], extra))
    if origin is Mapping:
        return _table_reader(inner[1], extra)
    if isinstance(hint, type) and is_dataclass(hint):
        return partial(read, hint, extra=extra)
    return partial(_plain, _kinds(hint))


def _kinds(hint: Any) -> tuple[type, ...]:
    return (int, float) if hint is float else (hint,)


def _table_reader(hint: Any, extra: bool) -> _Read:
    """A reader of tables of this type. Plain values are checked together: a mark may have thousands of scores."""
    if hint in (Any, object):
        return partial(_plain, (dict,))
    if hint in (str, int, float):
        return partial(_plain_table, frozenset(_kinds(hint)))
    return partial(_table, _reader(hint, extra))


def _plain_table(kinds: frozenset[type], value: Any) -> Any:
    _plain((dict,), value)
    if not kinds.issuperset(map(type, value.values())):
        raise _WrongValue(repr(next(one for one in value.values() if type(one) not in kinds)))
    return value


def _as_it_is(value: Any) -> Any:
    return value


def _formed(reader: _Read, form: Form, value: Any) -> Any:
    found = reader(value)
    if not form.holds(found):
        raise _WrongValue(f"{form.wrong}: {value!r}")
    return found


def _several(reader: _Read, value: Any) -> tuple[Any, ...]:
    _plain((list,), value)
    return tuple(map(reader, value))


def _table(reader: _Read, value: Any) -> Mapping[str, Any]:
    _plain((dict,), value)
    return {key: reader(one) for key, one in value.items()}


def _plain(kinds: tuple[type, ...], value: Any) -> Any:
    if type(value) not in kinds:  # for `isinstance` True is a number
        raise _WrongValue(repr(value))
    return value
