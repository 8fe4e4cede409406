"""Makes the page of methods that a result site has from docs/statistics.md and its translation. From the top of the repository:

    .venv/bin/uv run --no-project --with markdown-it-py==4.3.0 python -m tests.docs.methods_page

Installed, evalctl has no docs/, and its pages need no library that reads Markdown; `test_methods_page.py` says when to run this again.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

from .bilingual import digest, headings, text
from .documents import REPOSITORY

FOLDER = REPOSITORY / "compiler/evalctl/site/documents"
PAGES = {"en": REPOSITORY / "docs/statistics.md", "ja": REPOSITORY / "docs/statistics.ja.md"}
_ONLY_IN_MARKDOWN = re.compile(r'(?m)\A<!--.*-->\n|^<a id="[^"]*"></a>\n|^# .*\n|^\[[^\]]*\]\(statistics[.a-z]*\)\n')
_JAPANESE = "[\u3040-\u30ff\u4e00-\u9fff、。（）]"
_JOINED = re.compile(rf"(?<={_JAPANESE})\n(?={_JAPANESE})")  # a browser shows a line break as a space
_BOX = '<div class="wide" tabindex="0" role="region" aria-label="{}">\n<table>'


def mark(page: Path) -> str:
    """The first line of a made file: from which text it was made."""
    return f"<!-- of docs/{page.name} {digest(page)} -->\n"


def made(page: Path) -> str:
    """The page as HTML without its title; headings have the anchors of the Markdown page."""
    from markdown_it import MarkdownIt  # type: ignore[import-not-found,unused-ignore]

    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(_JOINED.sub("", _ONLY_IN_MARKDOWN.sub("", text(page))))
    anchors = iter([anchor for level, anchor in headings(page) if level > 1])
    titles = [next_.content for token, next_ in pairwise(tokens) if token.type == "heading_open"]
    found = []
    for token in tokens:
        if token.type == "heading_open":
            token.attrSet("id", next(anchors))
            found.append(titles.pop(0))
        if token.type == "th_open":
            token.attrSet("scope", "col")
        if token.type == "table_open":
            token.meta["label"] = found[-1] if found else page.stem
    labels = [token.meta["label"] for token in tokens if token.type == "table_open"]
    html = str(reader.renderer.render(tokens, reader.options, {}))
    numbered = [_BOX.format(f"{label} ({number})") for number, label in enumerate(labels, 1)]
    html = html.replace('<th scope="col"></th>', "<td></td>")
    return mark(page) + re.sub("<table>", lambda _: numbered.pop(0), html).replace("</table>", "</table>\n</div>")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for language, page in PAGES.items():
        (FOLDER / f"{language}.html").write_text(made(page), encoding="utf-8")
