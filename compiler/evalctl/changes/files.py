"""Findings about files that affect review itself: workflows, owners, attributes, links, executables and programs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from evalctl.changes.listed import EXECUTABLE, LINK, REGULAR, SUBMODULE, Blob, Change
from evalctl.changes.manifests import changed
from evalctl.home_folder import DEFAULT
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.suggest import listed, plural

_PROGRAM = ("compiler/", "requirements.lock", "pyproject.toml", "Makefile", ".ci/", "schema/", "tests/")
_ELSEWHERE = ("manifests/", "generated/", "results/")  # `manifests` and `outcomes` name these
# Texts that only people read. Programs may read any other file: AI assistants follow AGENTS.md or CLAUDE.md in any folder.
_TEXTS = re.compile(
    r"(?:README|CHANGELOG|CONTRIBUTING|CODE_OF_CONDUCT|SECURITY|SUPPORT|AUTHORS|NOTICE|LICENSE)(?:\.[a-z]{2})?(?:\.md)?"
    r"|docs/(?:[^/]+/)*(?!(?i:agents|claude|gemini|skill|copilot)\b)(?:[a-z][\w.-]*|README(?:\.[a-z]{2})?)\.md"
    r"|(?:docs/.+|[^/]+)\.(?:png|svg|jpg)"
)
_GIT = (".gitattributes", ".gitmodules", ".gitignore", ".lfsconfig")
_KINDS = {LINK: "a symbolic link", SUBMODULE: "a submodule", EXECUTABLE: "executable", REGULAR: "a regular file"}
_SHOWN_LINES = 20
_COMPARED_LINES = 1000


def findings(changes: Iterable[Change]) -> list[Diagnostic]:
    """A finding for each such file; one finding for all files of the program, one for all other unknown files."""
    everything = list(changes)
    found = [one for change in everything for one in (*_findings_of(change), *_kind(change))]
    named = {one.span.file for one in found}
    program = [change.path for change in everything if change.path.startswith(_PROGRAM)]
    others = [
        one.path for one in everything if not one.path.startswith((*_PROGRAM, *_ELSEWHERE)) and one.path not in named
    ]
    others = [path for path in others if not _TEXTS.fullmatch(path)]
    for paths, what in (
        (program, "the program itself changes"),
        (others, "files change that other programs may run or read"),
    ):
        if paths:
            found.append(changed(f"{what}: {plural(len(paths), 'file')} ({listed(paths, 5)})", Span(paths[0])))
    return found


def _findings_of(change: Change) -> Iterator[Diagnostic]:
    path, name = change.path, change.path.rpartition("/")[2]
    if name == "CODEOWNERS":
        yield from _lines(change, "code owners")
    elif path.startswith((".github/workflows/", ".github/actions/", ".gitlab-ci", ".circleci/")):
        yield changed(
            f"workflow {change.word}: it runs with the permissions and secrets of the repository's settings", Span(path)
        )
    elif path.startswith(".github/"):
        yield changed(f"repository settings in .github/: {change.word}", Span(path))
    elif name in _GIT:
        yield from _lines(change, name)
    elif path.split("/")[0] == DEFAULT or name == ".env":
        yield Diagnostic(
            "changed-by-hand", f"{change.word} in git: evalctl runs and reads this file on each machine", Span(path),
            "remove it from git: git rm --cached; built files and secrets of a machine do not belong in a repository",
        )  # fmt: skip


def _lines(change: Change, what: str) -> Iterator[Diagnostic]:
    """A finding for each line that is added, removed or moved (the order counts: of the lines that match a path, the last
    applies). A line can hide files from review or name other reviewers."""
    old, new = ([line.strip() for line in text.splitlines()] for text in change.texts)
    words = [("removed", old[at], 1) for at in _changed_lines(old, new)] + [
        ("added", new[at], at + 1) for at in _changed_lines(new, old)
    ]
    words = [one for one in words if one[1]]
    for word, line, number in words[:_SHOWN_LINES]:
        hides = _hides(line) if what == ".gitattributes" and word == "added" else ""
        yield changed(f"{what}: {word} `{line}`{hides}", Span(change.path, number))
    if len(words) > _SHOWN_LINES:
        yield changed(f"{what}: {len(words) - _SHOWN_LINES} more lines added or removed", Span(change.path))


def _changed_lines(lines: list[str], others: list[str]) -> list[int]:
    """Indexes of the lines of `lines` that a diff with `others` shows as changed."""
    if len(lines) + len(others) > _COMPARED_LINES:
        return list(range(len(lines)))
    blocks = difflib.SequenceMatcher(None, lines, others, autojunk=False).get_matching_blocks()
    kept = {at for block in blocks for at in range(block.a, block.a + block.size)}
    return [at for at in range(len(lines)) if at not in kept]


def _hides(line: str) -> str:
    """A note on attributes that exclude files from diffs or archives, or change their content; "" where there is none."""
    words = [word.lstrip("-!").partition("=")[0] for word in line.split()[1:]]
    hiding = [word for word in words if word in _HIDING]
    return f" (hides or rewrites files in review: {', '.join(hiding)})" if hiding else ""


_HIDING = frozenset({
    "linguist-generated", "linguist-vendored", "linguist-documentation", "linguist-detectable", "diff", "binary", "text",
    "export-ignore", "export-subst", "filter", "merge", "ident", "eol", "encoding", "working-tree-encoding",
})  # fmt: skip


def _is_another(old: Blob, new: Blob) -> bool:
    """Whether the mode differs, a link has another target, or a submodule another commit."""
    return old.mode != new.mode or (new.mode in (LINK, SUBMODULE) and old.data != new.data)


def _kind(change: Change) -> Iterator[Diagnostic]:
    """Findings about links, submodules, modes and names, which a diff of text does not show."""
    before = change.old or Blob("")
    if change.new is not None and change.new.mode != REGULAR and _is_another(before, change.new):
        where = f" to {change.texts[1]}" if change.new.mode == LINK else ""
        if not (change.path.startswith("generated/") and change.new.mode == EXECUTABLE):
            yield changed(
                f"{change.word}: now {_KINDS.get(change.new.mode, change.new.mode)}{where}", Span(change.path)
            )
    if not change.path.isprintable():
        yield changed(f"{change.word}: the name is not UTF-8 or holds control characters", Span(change.path))
