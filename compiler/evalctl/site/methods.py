"""The page of methods, and where on it each method that a number names is described."""

from __future__ import annotations

from importlib.resources import files

from markupsafe import Markup

from evalctl.review.methods import ANCHORS


def page(language: str) -> Markup:
    """docs/statistics.md as HTML; tests/docs/methods_page.py makes it."""
    text = files("evalctl.site").joinpath("documents", f"{language}.html").read_text(encoding="utf-8")
    return Markup(text.partition("\n")[2])


def parts(text: str) -> list[tuple[str, str]]:
    """Each part of a method as a number names it, and its heading on the page; "" for what is no method."""
    return [(part, ANCHORS.get(part, "")) for part in text.split(", ") if part]
