"""A page in each language: its template is filled once, with marks in the place of words, which each language then replaces.

A mark begins as a tag does. Texts of records are escaped in every template, so that none of them can be a mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from markupsafe import Markup, escape

from evalctl.site import methods
from evalctl.site.words import LANGUAGES, words

_FIRST = next(iter(LANGUAGES))  # its pages are at the top, those of the others in folders
_MARK = re.compile("<word ([^<>]*)>")


@lru_cache
def marks() -> Mapping[str, Markup]:
    """What a template gets in the place of each word."""
    return {word: Markup(f"<word {word}>") for word in (*_words(_FIRST), *_own("", _FIRST))}


def in_each(text: str, path: str) -> dict[str, str]:
    """The filled template of a page in each language, by the path that it has there."""
    parts = _MARK.split(text)
    found = {}
    for language in LANGUAGES:
        here = {**_words(language), **_own(path, language)}
        found[_in(language, path)] = "".join(here[part] if place % 2 else part for place, part in enumerate(parts))
    return found


@lru_cache
def _words(language: str) -> Mapping[str, Markup]:
    """The words that all pages share, as HTML."""
    return {**{key: escape(text) for key, text in words(language).items()}, "methods_page": methods.page(language)}


def _own(path: str, language: str) -> Mapping[str, Markup]:
    """What a page has in the place of marks, beside words: its language, where the site begins, and links to its other languages."""
    top = "../" * _in(language, path).count("/")
    link = Markup('<a class="language" lang="{0}" hreflang="{0}" href="{1}{2}">{3}</a>')
    others = (link.format(code, top, _in(code, path), name) for code, name in LANGUAGES.items() if code != language)
    return {"this_language": escape(language), "top": escape(top), "other_languages": Markup("").join(others)}


def _in(language: str, path: str) -> str:
    return path if language == _FIRST else f"{language}/{path}"
