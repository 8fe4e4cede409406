"""Reads pages whose examples run: fenced blocks are files, and comments in them are the findings expected there.

README.md beside this file describes the form.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from evalctl.clone import dotenv_faults, gates, policy
from evalctl.clone.requests import unknown_metrics_of
from evalctl.commands.check import acceptance
from evalctl.commands.env import of_file
from evalctl.load.repo import SourceFile
from evalctl.model.diagnostic import Diagnostic
from evalctl.pipeline.project import Project
from evalctl.results.store import index_folder

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
EXAMPLE = "manifests/requests/example.yaml"
SHIPPED = ("manifests/tasks", "manifests/services", "manifests/models/common_settings.yaml")

_FENCE = re.compile(r"^(?P<fence>```+)(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=fence) *$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"[ ]*# (?P<severity>error|warning|note): (?P<codes>\[[a-z0-9-]+\](?:, \[[a-z0-9-]+\])*)$")
_LISTED = re.compile(r"(?P<file>\S+?):(?P<line>\d+): (?P<severity>error|warning|note): \[(?P<code>[a-z0-9-]+)\]")

Finding = tuple[str, int, str, str]  # file, line, severity, code


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: a file, and the findings that its comments announce."""

    path: str
    data: bytes | None  # None: the file is taken away
    expected: tuple[Finding, ...]
    verdict: str  # bad, good, or "" for a further file
    append: bool
    line: int


@dataclass(frozen=True, slots=True)
class Case:
    """A repository and exactly what is found in it."""

    name: str
    files: tuple[Block, ...]
    expected: tuple[Finding, ...]
    verdict: str
    asked: str  # a key of ASKED


def cases(page: SourceFile) -> list[Case]:
    """Every bad or good block of the page, with the further files of its section."""
    found = []
    fences = len(re.findall(r"^```", page.text, re.MULTILINE))
    assert fences == 2 * len(_FENCE.findall(page.text)), f"{page.path}: a block that cannot be read as one"
    for heading, section, line in _sections(page.text):
        blocks = [_block(match, line + section.count("\n", 0, match.start())) for match in _FENCE.finditer(section)]
        listed = tuple(finding for block in blocks if block.path == "findings" for finding in block.expected)
        asked = next((block.data.decode().strip() for block in blocks if block.path == "ask" and block.data), "check")
        files = [block for block in blocks if block.path not in ("findings", "ask", "")]
        further = [block for block in files if not block.verdict]
        for block in files:
            if block.verdict:
                name = f"{Path(page.path).stem}:{block.line} {heading}"
                here = (*further, block)
                expected = (
                    *(finding for one in here for finding in one.expected),
                    *(listed if block.verdict == "bad" else ()),
                )
                found.append(Case(name, here, tuple(sorted(expected)), block.verdict, asked))
    return found


def _sections(text: str) -> Iterable[tuple[str, str, int]]:
    """(heading, text, first line); headings inside of fences are none."""
    hidden = _FENCE.sub(lambda match: re.sub(r"^#", " ", match[0], flags=re.MULTILINE), text)
    starts = [match.start() for match in re.finditer(r"^#+ ", hidden, re.MULTILINE)] or [0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        heading = text[start : text.find("\n", start)].lstrip("# ")
        yield heading, text[start:end], text.count("\n", 0, start) + 1


def _block(match: re.Match[str], line: int) -> Block:
    words = match["info"].split()
    options = dict(word.split("=", 1) for word in words if "=" in word)
    verdict = next((word for word in words if word in ("bad", "good")), "")
    path = options.get("path", EXAMPLE if verdict else words[0] if words and words[0] in ("findings", "ask") else "")
    if path == "findings":
        return Block(path, None, tuple(_listed(match["body"])), "", False, line)
    append = "append" in words
    shift = _base(path).count("\n") if append else 0
    body, expected = _unmarked(match["body"], path, shift)
    data = None if "absent" in words else _data(body, words, options)
    return Block(path, data, tuple(expected), verdict, append, line)


def _listed(body: str) -> Iterable[Finding]:
    for line in filter(None, body.splitlines()):
        match = _LISTED.fullmatch(line)
        assert match, f"not a finding: {line}"
        yield match["file"], int(match["line"]), match["severity"], match["code"]


def _unmarked(body: str, path: str, shift: int) -> tuple[str, list[Finding]]:
    """The text as it is written to disk, and what its marks announce."""
    lines, found = [], []
    for number, line in enumerate(body.split("\n"), 1 + shift):
        mark = _MARK.search(line)
        if mark:
            found += [(path, number, mark["severity"], code) for code in re.findall(r"\[(.*?)\]", mark["codes"])]
            line = line[: mark.start()]
        lines.append(line)
    return "\n".join(lines), found


def _data(body: str, words: list[str], options: Mapping[str, str]) -> bytes:
    if "base64" in words:
        return base64.b64decode(body)
    if "escaped" in words:
        body = re.sub(
            r"\\\\|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\[rn]", lambda m: m[0].encode().decode("unicode_escape"), body
        )
    if "bare" in words:
        body = body.removesuffix("\n")
    return (body * int(options.get("times", "1"))).encode()


@cache
def base_files() -> dict[str, bytes]:
    """The catalogue that every case stands in: the shipped tasks and services, and the models of base/."""
    found = {}
    for folder in SHIPPED:
        paths = [ROOT / folder] if (ROOT / folder).is_file() else sorted((ROOT / folder).iterdir())
        found.update({path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths if path.is_file()})
    base = HERE / "base"
    found.update(
        {path.relative_to(base).as_posix(): path.read_bytes() for path in sorted(base.rglob("*")) if path.is_file()}
    )
    return found


def _base(path: str) -> str:
    return base_files().get(path, b"").decode()


def repository(root: Path, files: Mapping[str, bytes | None] | None = None) -> Path:
    """A repository at `root` with the base catalogue, changed by `files` (None takes one away)."""
    for path, data in {**base_files(), **(files or {})}.items():
        if data is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        else:
            (root / path).unlink(missing_ok=True)
    (root / "manifests/requests").mkdir(parents=True, exist_ok=True)
    return root


def lay_out(case: Case, root: Path) -> Path:
    """The case's repository."""
    changed: dict[str, bytes | None] = {}
    for block in case.files:
        before = changed.get(block.path) or base_files().get(block.path, b"")
        changed[block.path] = before + block.data if block.append and block.data is not None else block.data
    return repository(root, changed)


def _check(root: Path) -> list[Diagnostic]:
    project = Project(root)
    entries, problems = project.check()
    found = gates.problems_of(project, entries, index_folder(root))
    return [*problems, *found, *policy.problems_of(project)]


def _compile_check(root: Path) -> list[Diagnostic]:
    return Project(root).compile(check_only=True)[1]


def _compile_twice(root: Path) -> list[Diagnostic]:
    Project(root).compile()
    return Project(root).compile(check_only=True)[1]


def _results(root: Path) -> list[Diagnostic]:
    return index_folder(root).diagnostics()


def _metrics(root: Path) -> list[Diagnostic]:
    return unknown_metrics_of(Project(root), index_folder(root))


def _env_file(root: Path) -> list[Diagnostic]:
    (root / ".env").chmod(0o600)
    return [of_file(root, one) for one in dotenv_faults.problems(root, None, {})]


ASKED: Mapping[str, Callable[[Path], list[Diagnostic]]] = {
    "check": _check, "compile-check": _compile_check, "compile-twice": _compile_twice, "results": _results, "metrics": _metrics,
    "acceptance": acceptance, "env-file": _env_file,
}  # fmt: skip


def found_in(case: Case, root: Path) -> list[Diagnostic]:
    """What evalctl says of the case."""
    diagnostics = ASKED[case.asked](lay_out(case, root))
    shutil.rmtree(root / ".evalctl", ignore_errors=True)
    return diagnostics


def findings(diagnostics: Iterable[Diagnostic]) -> tuple[Finding, ...]:
    """Diagnostics in the form of expectations."""
    return tuple(sorted((d.span.file, d.span.line, d.severity, d.code) for d in diagnostics))


def pages(folder: Path) -> list[SourceFile]:
    """The pages of a folder."""
    return [SourceFile(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))]
