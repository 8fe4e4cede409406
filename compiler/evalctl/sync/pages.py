"""The table of reasons, outcomes and states: what each word means, why it happens, what to type, who says it, whether it passes.

It is read from reasons.md, the only source: decisions of a pass, the advice beside a reason, `evalctl explain WORD` and the
tables of docs/operations.md are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_AGAIN = "It is tried again by itself, `retries` times."  # of the group `again`; what to do if that did not help
_FILE = Path(__file__).with_name("reasons.md")
_SECTION = re.compile(
    r"## (?P<word>.+)\n(?P<means>.+)\nWhy: (?P<why>.+)\nDo: (?P<do>.+)\nBy: (?P<by>[^;\n]+)(?P<pass>; may pass)?(?P<await>; awaited)?"
    r"(?P<later>; later)?(?P<all>; all tasks)?"
)


@dataclass(frozen=True, slots=True)
class Page:
    """One word; `group` is the table that it is in. Commands and keys are in backticks.

    `reported_by` names who gives it: programs of the job (supervisor, relay, acceptance, hub programs), sync, plan, probe, gate.
    `may_pass`: the same job is tried again by itself. `is_awaited`: a job that cannot be submitted for it waits. `is_later`: the same
    command later may succeed. `of_all_tasks`: no other task of the job would get an answer either.
    """

    word: str
    group: str
    means: str
    why: str
    do: str
    reported_by: tuple[str, ...] = ()
    may_pass: bool = False
    is_awaited: bool = False
    is_later: bool = False
    of_all_tasks: bool = False


@lru_cache(maxsize=1)
def pages() -> Mapping[str, Page]:
    """Every word, in the order of the file."""
    found = dict[str, Page]()
    for part in _FILE.read_text(encoding="utf-8").split("\n# "):
        group, *sections = part.removeprefix("# ").split("\n\n")
        for section in sections:
            match = _SECTION.fullmatch(section.strip("\n"))
            assert match, f"{_FILE}: {section}"
            found[match["word"]] = Page(
                match["word"], group.strip(), match["means"], match["why"], match["do"], tuple(match["by"].split(", ")),
                may_pass=bool(match["pass"]), is_awaited=bool(match["await"]),
                is_later=bool(match["later"]), of_all_tasks=bool(match["all"]),
            )  # fmt: skip
    return found


def page_of(word: str) -> Page | None:
    """The page of a word as it is printed: `failed:timeout` is the reason `timeout`, `progressed:timeout` is `progressed`."""
    first, _, rest = word.partition(":")
    return pages().get({"failed": rest, "progressed": first}.get(first, word) if rest else word)


def text(page: Page) -> str:
    """The page as `evalctl explain` prints it."""
    again = f"{_AGAIN} If that did not help: {page.do}" if page.group == "again" else page.do
    by = f"Reported by: {', '.join(page.reported_by)}."
    return f"# {page.word}\n\n{page.means}\n\nWhy: {page.why}\n\nWhat to do: {again}\n\n{by}"
