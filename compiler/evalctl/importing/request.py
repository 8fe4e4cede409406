"""Converts a filled-in head to the text of a request; each line remembers its position in the script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evalctl.importing.head import Head, Word
from evalctl.model.diagnostic import Diagnostic, Span

_INTEGER = re.compile(r"-?[0-9]{1,12}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
# Variable to key, in the usual order of keys in a request. Default values are not written.
_KEYS = {
    "MODEL_NAME": "model", "CUSTOM_SETTINGS": "custom_settings", "PROVIDER": "provider", "SERVICE": "service",
    "NODE_KIND": "node_kind", "PRIORITY": "priority", "MAX_SAMPLES": "max_samples", "PREDOWNLOAD_MODEL": "predownload",
    "CUDA_VISIBLE_DEVICES": "cuda_visible_devices",
}  # fmt: skip
_NEEDED = ("MODEL_NAME", "SERVICE")
_TSUBAME_ONLY, _LOCAL_ONLY = "PRIORITY", "CUDA_VISIBLE_DEVICES"
_HEAD = "# yaml-language-server: $schema={up}schema/request.schema.json\n"


@dataclass(frozen=True, slots=True)
class RequestDraft:
    """A request's text; `places` has the position in the script for each line."""

    text: str
    places: Sequence[Span]

    def at_source(self, found: Diagnostic) -> Diagnostic:
        """The finding about the request, moved to the position in the script."""
        return replace(found, span=self.places[min(found.span.line, len(self.places)) - 1])


def draft(
    head: Head, file: str, depth: int, suites: Mapping[str, Sequence[str]]
) -> tuple[RequestDraft, list[Diagnostic]]:
    """The request for the jobs that the script would have submitted; `depth` is the number of folders above the file."""
    problems = [
        Diagnostic("missing-key", f"{name} is not filled in", Span(file), help=f'write {name}="…" below `# Set Args`')
        for name in _NEEDED
        if name not in head.values
    ]
    if not head.tasks:
        help = "remove the # from the `qsub_task` lines of the tasks that you want"
        problems.append(Diagnostic("no-tasks", "every qsub_task line is commented out", Span(file), help))
    lines = [(_HEAD.format(up="../" * depth), Span(file)), *_values(head), *_tasks(head, suites)]
    text = "".join(line for line, _ in lines)
    return RequestDraft(text, [span for _, span in lines]), problems


def _values(head: Head) -> Iterator[tuple[str, Span]]:
    for name, key in _KEYS.items():
        word = head.values.get(name)
        if word is not None and _says_something(name, word.text, head.values):
            yield f"{key}: {_scalar(name, word.text)}\n", word.span


def _says_something(name: str, text: str, values: Mapping[str, Word]) -> bool:
    """Whether the value belongs in the request: not a default of the script's template, nor PRIORITY or GPUs at a service that ignores them."""
    service = values["SERVICE"].text if "SERVICE" in values else ""
    if name == _TSUBAME_ONLY:
        return service == "tsubame" and text != "-5"
    if name == _LOCAL_ONLY:
        return service == "local"
    return (name, text) not in {("PROVIDER", "vllm"), ("PREDOWNLOAD_MODEL", "false")}


def _scalar(name: str, text: str) -> str:
    """The value as a YAML scalar; a GPU list is text even if it has only one number."""
    if name != _LOCAL_ONLY and (_INTEGER.fullmatch(text) or (name == "PREDOWNLOAD_MODEL" and text == "true")):
        return text
    plain = _PLAIN.fullmatch(text) and text.lower() not in ("null", "true", "false")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _tasks(head: Head, suites: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Span]]:
    """The lines of `tasks`: the suite with exactly these tasks, else a line for each task."""
    first = head.tasks[0].span if head.tasks else Span("")
    asked = {word.text for word in head.tasks}
    suite = next((name for name, tasks in suites.items() if set(tasks) == asked), None)
    if suite is not None:
        yield f"tasks: [{suite}]\n", first
        return
    yield "tasks:\n", first
    for word in head.tasks:
        yield f"  - {_scalar('', word.text)}\n", word.span
