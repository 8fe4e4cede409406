"""The page of methods, and where on it each method that a number names is described."""

from __future__ import annotations

from importlib.resources import files

from markupsafe import Markup

from evalctl.review.methods import ANCHORS

_PAGES = {one.name: one.read_text(encoding="utf-8") for one in files("evalctl.site").joinpath("documents").iterdir()}


def page(language: str) -> Markup:
    """docs/statistics.md as HTML; tests/docs/methods_page.py makes it."""
    return Markup(_PAGES[f"{language}.html"].partition("\n")[2])


def parts(text: str) -> list[tuple[str, str]]:
    """Each part of a method as a number names it, and its heading on the page; "" for what is no method."""
    return [(part, ANCHORS.get(part, "")) for part in text.split(", ") if part]
