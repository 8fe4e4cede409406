"""Where manifests are. A file in manifests/ that evalctl does not read is a finding: its author may believe that it has an effect."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from evalctl.model.diagnostic import Diagnostic, Note, Span
from evalctl.model.names import REQUESTS, below, request_name
from evalctl.model.providers import file_name, model_name
from evalctl.suggest import help_for

TABLES = ("manifests/tasks/tasks_runtime.csv", "manifests/tasks/task_settings.csv")
METRICS = "manifests/tasks/metrics.yaml"
SUITES = "manifests/tasks/suites.yaml"
TASK_FILES = (*TABLES, METRICS, SUITES)
MODELS = "manifests/models/"
GATES = "manifests/gates"
POLICY = "manifests/policy.yaml"
COMMON = "manifests/models/common_settings.yaml"
CARD_SUFFIX = ".lock.yaml"
# Documentation among the settings; the lab keeps such a file there, too.
TEMPLATE = "manifests/models/template.yaml"

_PLACES = re.compile(
    r"manifests/requests/.+\.yaml|manifests/(?:services|providers|gates)/[^/]+\.yaml"
    r"|manifests/models/chat_templates/[^/]+\.jinja|manifests/models/reasoning_parsers/[^/]+\.py"
    r"|manifests/models/(?!chat_templates/|reasoning_parsers/)[^/]+(?:/[^/]+)?\.yaml"
)
_FOLDERS = (
    "manifests/requests", "manifests/models", "manifests/services", "manifests/providers", "manifests/gates", "manifests/tasks",
)  # fmt: skip
# A folder of that name would conflict with a file that `evalctl compile` writes.
_GENERATED_NAMES = re.compile(r"\.(?:json|sh)(?:\.yaml$|/)")


def is_model_file(path: str) -> bool:
    """Whether `path` holds the settings or the card of one model."""
    return path.startswith(MODELS) and path.endswith((".yaml", ".yml")) and path not in (COMMON, TEMPLATE)


def files_of(model: str) -> tuple[str, str]:
    """(path of the model's settings, path of its card)."""
    name = file_name(model)
    return f"{MODELS}{name}.yaml", f"{MODELS}{name}{CARD_SUFFIX}"


def model_of(path: str) -> str:
    """The model that the file at `path` belongs to."""
    return model_name(below(path, MODELS).removesuffix(".lock"))


def folded(path: str) -> str:
    """`path` as file systems compare it that ignore case and the form of Unicode (macOS, Windows)."""
    return (
        path.lower() if path.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
    )


def clashes(paths: Iterable[str]) -> Iterator[Diagnostic]:
    """A finding for each file whose path, or that of a folder above it, equals an earlier one on such a file system.

    A request is compiled to a folder of generated/, so `a.yaml` clashes with `A/b.yaml`.
    """
    first: dict[str, tuple[str, str]] = {}
    for path in paths:
        for name in _names(path):
            known, owner = first.setdefault(folded(name), (name, path))
            if known != name:
                yield Diagnostic(
                    "clashing-names", f"`{name}` and `{known}` are the same name on a disk that ignores case or Unicode forms",
                    Span(path), help="rename one of the two (git mv)", notes=(Note("the other file", Span(owner)),),
                )  # fmt: skip
                break


def _names(path: str) -> Iterator[str]:
    """The folders of `path` from the top, `path`, and the folder of generated/ that a request is compiled to."""
    parts = path.split("/")
    yield from ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    if path.startswith(REQUESTS):
        stem = request_name(path).split("/")
        yield from ("/".join(["generated", *stem[:count]]) for count in range(1, len(stem) + 1))


def fault(path: str, *, is_link: bool, is_file: bool = True) -> Diagnostic | None:
    """A finding with the reason why evalctl does not read the file at `path`; None if it does."""
    if not path.replace("\u3000", " ").isprintable():
        return _forbidden(path, "the file's name contains a control character or is not UTF-8")
    if path.startswith("manifests/requests/") and _GENERATED_NAMES.search(path):
        return _forbidden(path, "the name of a request cannot end like that of a generated file (.json, .sh)")
    if is_link:
        return _unread(path, "evalctl does not follow links", "replace the link by the file")
    if not is_file:  # reading a pipe would never end
        return _unread(path, "this is not a regular file", "replace it by a regular file")
    if path.lower().endswith((".yml", ".yaml")) and not path.endswith(".yaml"):
        return _unread(path, "evalctl reads only .yaml files here", f"git mv {path} {path.rpartition('.')[0]}.yaml")
    if path in (*TASK_FILES, POLICY) or _PLACES.fullmatch(path):
        return None
    if path.startswith("manifests/tasks/"):
        return _unread(path, "evalctl does not read this file", help_for(path, TASK_FILES, "move it out of manifests/"))
    folder = "/".join(path.split("/")[:-1][:2])
    help = _WHERE if folder in (*_FOLDERS, "manifests") else help_for(folder, _FOLDERS, _WHERE)
    return _unread(path, "evalctl does not read this file", help)


_WHERE = (
    "requests belong in manifests/requests/, services in manifests/services/, providers in manifests/providers/, gates in manifests/gates/, settings in manifests/models/PUBLISHER/, "
    "chat templates in manifests/models/chat_templates/, plug-ins in manifests/models/reasoning_parsers/"
)


def _forbidden(path: str, why: str) -> Diagnostic:
    return Diagnostic("forbidden-text", why, Span(path), help="rename the file")


def _unread(path: str, why: str, help: str) -> Diagnostic:
    return Diagnostic("unread-file", why, Span(path), help=help)
