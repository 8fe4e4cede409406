"""The smallest parts of tables as HTML. A site has hundred thousands of them, which templates would take ten times as long for."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup, escape

from evalctl.site import methods
from evalctl.site.drawing import Scale, whisker
from evalctl.site.numbers import Number


def cell(number: Number) -> Markup:
    """A score with its interval."""
    kind = ' class="best"' if number.best else ""
    interval = f"<i>{escape(number.interval)}</i>" if number.interval else ""
    return Markup(f"<td{kind}>{escape(number.text)}{interval}</td>")


def chart(number: Number, on: Scale) -> Markup:
    """Its whisker; empty without a score."""
    if number.value is None:
        return Markup('<td class="chart"></td>')
    drawn = whisker(on, number.value, number.low, number.high, "best" if number.best else "")
    return Markup(f'<td class="chart">{drawn}</td>')


@lru_cache(maxsize=1024)
def breaking(name: str) -> Markup:
    """A name that may be broken behind each of its underscores."""
    return Markup("_<wbr>").join(name.split("_"))


@lru_cache(maxsize=1024)
def method(text: str, home: str) -> Markup:
    """The parts of a method, each with a link to its section."""
    link = Markup('<a href="{}methods.html#{}">{}</a>')
    parts = (link.format(home, anchor, part) if anchor else part for part, anchor in methods.parts(text))
    return Markup(", ").join(parts)
