"""Answers as one HTML file with filters by verdict and text. It loads nothing, and shows models' output as plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby, takewhile

from evalctl.details.eval_answers import EvalAnswers
from evalctl.details.forms import VERDICTS, own_parts, parts, scores
from evalctl.results.answers import Answer, Graded
from evalctl.suggest import listed, plural
from evalctl_job.looping import loop

_HEAD = """\
<!DOCTYPE html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root { color-scheme: light dark; --right: light-dark(#17703c, #6fd39a); --wrong: light-dark(#b3261e, #ff9a90); }
body { font: 16px/1.6 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere; }
form { position: sticky; top: 0; display: flex; gap: .5rem; padding: .5rem 0; background: Canvas; }
input { font: inherit; flex: 1; min-width: 0; padding: .4rem; }
select { font: inherit; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .3rem; }
h2 + p, p + p { margin: 0; }
details { border-bottom: 1px solid #8884; padding: .3rem 0; }
summary { cursor: pointer; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
summary b { display: inline-block; min-width: 6.5em; }
.right b { color: var(--right); }
.wrong b { color: var(--wrong); }
pre { font-size: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .5rem; margin: .2rem 0 .5rem; max-height: 30rem; overflow: auto; }
pre.gold { border-left: 3px solid var(--right); }
h3 { font-size: 1em; font-weight: 600; margin: .5rem 0 0; opacity: .8; }
@media print { form { display: none; } pre { max-height: none; } }
</style>
</head>
<body>
<h1>{title}</h1>
"""
_FORM = """\
<form>
<select aria-label="which questions"><option value="">all</option>
<option>wrong</option><option>right</option><option>not scored</option></select>
<input type="search" placeholder="text, truncated, repeating, empty" aria-label="text">
<output></output>
</form>
"""
_TAIL = """\
<script>
const [select, input, output] = document.querySelectorAll("select, input, output");
const all = [...document.querySelectorAll("details")];
const choose = () => {
  const wanted = input.value.toLowerCase();
  for (const one of all) {
    one.hidden = (select.value && one.dataset.verdict !== select.value) || !one.textContent.toLowerCase().includes(wanted);
  }
  output.textContent = `${all.filter(one => !one.hidden).length} of ${all.length}`;
};
select.addEventListener("change", choose);
input.addEventListener("input", choose);
document.querySelector("form").addEventListener("submit", event => event.preventDefault());
choose();
</script>
</body>
</html>
"""


def page(found: Iterable[EvalAnswers]) -> str:
    """The HTML file: for each eval the lines of its summary, then its questions, each with its answers."""
    evals = list(found)
    models = list(dict.fromkeys(one.place.model for one in evals if one.place.model))
    title = f"Answers of {listed(models, 3)}" if models else "Answers"
    return (
        _HEAD.replace("{title}", escape(title)) + _FORM + "".join(part for one in evals for part in _eval(one)) + _TAIL
    )


def _eval(one: EvalAnswers) -> Iterator[str]:
    yield f"<h2>{escape(one.title)}</h2>\n"
    yield from (f"<p>{escape(line)}</p>\n" for line in one.lines)
    same = _common([answer.question for answer in one.answers])
    # answers without a question are not grouped with each other
    for (_, graded), answers in groupby(enumerate(one.answers), key=lambda pair: _group(*pair)):
        yield _question(graded, [answer for _, answer in answers], same)


def _common(questions: Sequence[str]) -> int:
    """The length of the beginning that all questions share (system message, instructions, examples), in whole words."""
    if len(set(questions)) < 2:
        return 0
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(min(questions), max(questions), strict=False))
    shared = "".join(character for character, _ in pairs)
    return max(shared.rfind(space) + 1 for space in " \n")


def _group(number: int, answer: Answer) -> tuple[int, Graded | None]:
    return (-1, answer.graded) if answer.graded else (number, None)


def _question(graded: Graded | None, answers: Sequence[Answer], same: int) -> str:
    verdict = VERDICTS[graded.right() if graded else None]
    first, *others = answers
    blocks = [*parts(first), *(part for other in others for part in own_parts(other))]
    texts = "".join(f'<h3>{name}</h3><pre class="{name}">{escape(text)}</pre>\n' for name, text in blocks)
    number = f"{graded.number} {graded.entry}" if graded else ""
    opening = f"{first.question[same:].strip()[:60]} → {first.prediction.strip()[:80] or '(empty)'}"
    facts = " · ".join(filter(None, (number, *(scores(graded) if graded else ()), opening, *_facts(answers))))
    return (
        f'<details class="{verdict.replace(" ", "-")}" data-verdict="{verdict}">'
        f"<summary><b>{escape(verdict)}</b> {escape(facts)}</summary>\n{texts}</details>\n"
    )


def _facts(answers: Sequence[Answer]) -> Iterator[str]:
    if len(answers) > 1:
        yield f"{len(answers)} answers"
    yield plural(max(one.length for one in answers), "character")
    marks = {
        "empty": any(not one.prediction for one in answers),
        "truncated": any(one.truncated for one in answers),
        "repeating": any(loop(one.text) is not None for one in answers),
    }
    yield from (name for name, holds in marks.items() if holds)
