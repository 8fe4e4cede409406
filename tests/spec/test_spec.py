"""Every example of every page gives exactly the findings that it announces."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalctl import report
from evalctl.check.codes import CODES, PAGES
from evalctl.model.diagnostic import NOTE
from spec.literate import HERE, Case, cases, findings, found_in, pages

SPEC = [case for page in pages(HERE) if page.path != "README.md" for case in cases(page)]
EXPLAINED = {page.path.removesuffix(".md"): cases(page) for page in pages(PAGES)}


def _shown(case: Case, root: Path) -> str:
    diagnostics = found_in(case, root)
    for diagnostic in diagnostics:
        assert diagnostic.code in CODES, f"{diagnostic.code} has no entry in codes.py"
        assert diagnostic.message and diagnostic.help, f"{diagnostic.code}: what to type is missing"
        unneeded = diagnostic.help.startswith("no action needed")
        assert (diagnostic.severity == NOTE) == unneeded, (
            f"{diagnostic.code}: notes are what needs no action, and only they"
        )
    assert findings(diagnostics) == case.expected, "\n" + "\n".join(
        report.as_text(
            diagnostic,
            lambda file: (root / file).read_text(errors="replace").splitlines() if (root / file).is_file() else [],
        )
        for diagnostic in diagnostics
    )
    return "\n".join(diagnostic.code for diagnostic in diagnostics)


@pytest.mark.parametrize("case", SPEC, ids=lambda case: case.name)
def test_a_page_says_what_evalctl_finds(case: Case, tmp_path: Path) -> None:
    """Findings by file, line, severity and code: those announced, and no others; a good example has no error."""
    _shown(case, tmp_path)
    if case.verdict == "good":
        assert all(severity != "error" for _, _, severity, _ in case.expected)
    else:
        assert case.expected, "a bad example announces something"


@pytest.mark.parametrize(
    ("code", "case"),
    [(code, case) for code, found in EXPLAINED.items() for case in found],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_an_explained_example_runs(code: str, case: Case, tmp_path: Path) -> None:
    """On the page of a code, a bad example gives this code and no other error; a good one gives neither."""
    given = set(filter(None, _shown(case, tmp_path).split("\n")))
    errors = {found for _, _, severity, found in case.expected if severity == "error"}
    assert (code in given) == (case.verdict == "bad")
    assert errors <= {code} if case.verdict == "bad" else not errors


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_a_page_with_both_examples(code: str) -> None:
    """A page names its code, shows the mistake and the remedy, and is short enough to read in a terminal."""
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}\n")
    assert len(text.splitlines()) < 80
    if code not in WITHOUT_EXAMPLE:
        assert {case.verdict for case in EXPLAINED[code]} == {"bad", "good"}


# What only a git repository or a running scheduler can show (tests/sync, tests/changes, tests/policy), a file from outside (tests/importing), or results (tests/commands).
WITHOUT_EXAMPLE = {
    "budget-exceeded",
    "needs-approval",
    "policy-refused",
    "not-committed",
    "unreadable-source",
    "change-to-review",
    "changed-by-hand",
    "gate-outcome",
    "result-touched",
    "unproven-result",
    "weak-comparison",
}


def test_no_page_is_left_over() -> None:
    """A page whose code is gone is gone, too."""
    assert set(EXPLAINED) == set(CODES)
