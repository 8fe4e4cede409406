"""What a change means for review itself: workflows, owners, attributes, and kinds of files that need a second look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evalctl.changes.listed import EXECUTABLE, LINK, REGULAR, SUBMODULE, Change
from evalctl.changes.manifests import changed
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.suggest import listed, plural

_PROGRAM = ("compiler/", "requirements.lock", "pyproject.toml", "Makefile", ".ci/", "schema/")
_GIT = (".gitattributes", ".gitmodules", ".gitignore", ".lfsconfig")
_KINDS = {LINK: "a symbolic link", SUBMODULE: "a submodule", EXECUTABLE: "executable", REGULAR: "a regular file"}
_SHOWN_LINES = 20


def told(changes: Iterable[Change]) -> list[Diagnostic]:
    """A finding for each such file; the program's own files in one."""
    everything = list(changes)
    found = [one for change in everything for one in (*_of(change), *_kind(change))]
    program = [change.path for change in everything if change.path.startswith(_PROGRAM)]
    if program:
        said = f"the program itself changes: {plural(len(program), 'file')} ({listed(program, 5)})"
        found.append(changed(said, Span(program[0])))
    return found


def _of(change: Change) -> Iterator[Diagnostic]:
    path, name = change.path, change.path.rpartition("/")[2]
    if name == "CODEOWNERS":
        yield from _lines(change, "code owners")
    elif path.startswith((".github/workflows/", ".github/actions/", ".gitlab-ci", ".circleci/")):
        yield changed(f"workflow {change.word}: it runs with what the repository's settings give it", Span(path))
    elif path.startswith(".github/"):
        yield changed(f"repository settings in .github/: {change.word}", Span(path))
    elif name in _GIT:
        yield from _lines(change, name)
    elif path.split("/")[0] == ".evalctl" or name == ".env":
        yield Diagnostic(
            "changed-by-hand", f"{change.word} in git: evalctl runs and reads this file on each machine", Span(path),
            "take it out: git rm --cached; what a machine built or holds secret is no part of a repository",
        )  # fmt: skip


def _lines(change: Change, what: str) -> Iterator[Diagnostic]:
    """Each line that is added or removed; some hide files from review or give it to other people."""
    old, new = ([line.strip() for line in text.splitlines()] for text in change.texts)
    added = [(number, line) for number, line in enumerate(new, 1) if line and line not in old]
    for number, line in added[:_SHOWN_LINES]:
        yield changed(
            f"{what}: added `{line}`{_hides(line) if what == '.gitattributes' else ''}", Span(change.path, number)
        )
    for line in [line for line in old if line and line not in new][:_SHOWN_LINES]:
        yield changed(f"{what}: removed `{line}`", Span(change.path))
    if len(added) > _SHOWN_LINES:
        yield changed(f"{what}: {len(added) - _SHOWN_LINES} more lines added", Span(change.path))


def _hides(line: str) -> str:
    """An attribute that takes a file out of diffs or archives, or changes it on its way in or out."""
    words = [word.lstrip("-!").partition("=")[0] for word in line.split()[1:]]
    hiding = [word for word in words if word in _HIDING]
    return f" (hides or rewrites files in review: {', '.join(hiding)})" if hiding else ""


_HIDING = frozenset({
    "linguist-generated", "linguist-vendored", "linguist-documentation", "linguist-detectable", "diff", "binary", "text",
    "export-ignore", "export-subst", "filter", "merge", "ident", "eol", "encoding", "working-tree-encoding",
})  # fmt: skip


def _kind(change: Change) -> Iterator[Diagnostic]:
    """Links, submodules, modes and names: what a diff of text does not show."""
    if (
        change.new is not None
        and change.new.mode != REGULAR
        and (change.old is None or change.old.mode != change.new.mode)
    ):
        where = f" to {change.texts[1]}" if change.new.mode == LINK else ""
        if not (change.path.startswith("generated/") and change.new.mode == EXECUTABLE):
            yield changed(
                f"{change.word}: now {_KINDS.get(change.new.mode, change.new.mode)}{where}", Span(change.path)
            )
    if not change.path.isprintable():
        yield changed(f"{change.word}: the name is not UTF-8 or holds control characters", Span(change.path))
