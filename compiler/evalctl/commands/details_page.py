"""Answers as one HTML file: folded, filtered by text, nothing loaded from anywhere; all that models wrote is text in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from evalctl.results.answers import Answer
from evalctl.results.looping import loop

_HEAD = """\
<!DOCTYPE html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Answers</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.6 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }
input { font: inherit; width: 100%; padding: .4rem; box-sizing: border-box; position: sticky; top: 0; }
details { border-bottom: 1px solid #8884; padding: .3rem 0; }
summary { cursor: pointer; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .5rem; max-height: 30rem; overflow: auto; }
h3 { font-size: 1em; margin: .5rem 0 0; }
</style>
</head>
<body>
<h1>Answers</h1>
<input type="search" placeholder="text, truncated, repeating, empty" aria-label="filter">
"""
_TAIL = """\
<script>
const input = document.querySelector("input");
input.addEventListener("input", () => {
  const wanted = input.value.toLowerCase();
  for (const one of document.querySelectorAll("details")) {
    one.hidden = !one.textContent.toLowerCase().includes(wanted);
  }
});
</script>
</body>
</html>
"""


def page(groups: Iterable[tuple[Sequence[str], Sequence[Answer]]]) -> str:
    """The file: for each eval the lines of its summary, then its answers."""
    return _HEAD + "".join(_group(lines, answers) for lines, answers in groups) + _TAIL


def _group(lines: Sequence[str], answers: Sequence[Answer]) -> str:
    head, *rest = (escape(line) for line in lines)
    told = "".join(f"<p>{line}</p>\n" for line in rest)
    return f"<h2>{head}</h2>\n{told}" + "".join(_answer(one) for one in answers)


def _answer(one: Answer) -> str:
    marks = (("empty", not one.prediction), ("truncated", one.truncated), ("repeating", loop(one.text) is not None))
    facts = ", ".join([f"{one.length} characters", *(name for name, holds in marks if holds)])
    parts = (("question", one.question), ("reasoning", one.reasoning), ("prediction", one.prediction))
    body = "".join(f"<h3>{name}</h3><pre>{escape(text)}</pre>\n" for name, text in parts if text)
    return f"<details><summary>{escape(one.prediction[:120]) or '(empty)'} · {facts}</summary>\n{body}</details>\n"
