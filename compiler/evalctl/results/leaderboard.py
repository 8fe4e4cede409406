"""results/README.md: one row per model and settings, one column per main metric; readable on a git web page."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from evalctl.model.manifest import MetricEntry, Metrics
from evalctl.results.aggregate import MISSING

PATH = "results/README.md"
DEBUG = "results/debug/"
_INTRODUCTION = """\
# Results

Written by `evalctl sync` from the `result.json` files in the folders beside it; edits are overwritten.
A dash is an entry that was not measured. The model's folder has the run of every number.
"""
_UNMATCHED = "\nno metric: measured, but metrics.yaml names a metric that the task does not have:\n\n"
UNPROVEN = " (unproven)"
_UNPROVEN = (
    "\nunproven: the ledger does not account for what the record says; `evalctl results accept` says that it counts.\n"
)
_IMPORTED = (
    "\nimported: measured before and elsewhere, taken over with `evalctl import results`; never reused for a request.\n"
)


def main_entries(metrics: Metrics) -> list[MetricEntry]:
    """One entry for each task: over all subsets, the average of several where there is one, else the first."""
    chosen: dict[tuple[str, ...], MetricEntry] = {}
    for entry in metrics.entries:
        if entry.subsets is None and (entry.tasks not in chosen or entry.name.endswith("average")):
            chosen[entry.tasks] = entry
    return [entry for entry in metrics.entries if chosen.get(entry.tasks) is entry]


def leaderboard(
    documents: Mapping[str, Mapping[str, Any]], metrics: Metrics, unproven: Mapping[str, Collection[str]] | None = None
) -> str:
    """The page for all model folders (folder to its aggregated document); debugging runs stand apart.

    `unproven` has the framework's names of scores whose records nothing accounts for, by folder: they are marked.
    """
    marks = unproven or {}
    real = {folder: document for folder, document in documents.items() if not folder.startswith(DEBUG)}
    debug = sorted(folder for folder in documents if folder.startswith(DEBUG))
    parts = [_INTRODUCTION, _table(real, main_entries(metrics), marks) if real else "Nothing has been measured yet.\n"]
    if unmatched := _unmatched(real.values()):
        parts.append(_UNMATCHED + "".join(f"- {_cell(line)}\n" for line in unmatched))
    if any(UNPROVEN in part for part in parts):
        parts.append(_UNPROVEN)
    if any(_imported(document) for document in real.values()):
        parts.append(_IMPORTED)
    if debug:
        parts.append("## Debugging runs\n\nA few samples each; not comparable.\n\n" + _links(debug))
    return "\n".join(parts)


def shown(value: Any) -> str:
    """A score for people: four decimals up to 1, two above; a missing one is a dash."""
    if value is None or value == MISSING or isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:.2f}"


def unmarked(page: str) -> str:
    """The page as a clone without the ledger makes it."""
    return page.replace(UNPROVEN, "").replace(f"\n{_UNPROVEN}", "")


def _table(
    documents: Mapping[str, Mapping[str, Any]], entries: Sequence[MetricEntry], marks: Mapping[str, Collection[str]]
) -> str:
    used = used_columns(list(documents.values()), entries)
    head = ["model", "settings", *used, "evals", "measured"]
    rule = ["---", "---", *("---:" for _ in used), "---:", "---"]
    chosen = [entry for entry in entries if entry.name in used]
    rows = [_row(folder, documents[folder], chosen, marks.get(folder, ())) for folder in sorted(documents)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [list(map(_cell, head)), rule, *rows])


def used_columns(documents: Sequence[Mapping[str, Any]], entries: Sequence[MetricEntry]) -> list[str]:
    """Entries in which somebody has a value, or was measured by another metric than metrics.yaml names."""
    names = [entry.name for entry in entries]
    return [
        name for name in names
        if any(shown(one["results"].get(name)) != "–" or name in one.get("unmatched", {}) for one in documents)
    ]  # fmt: skip


def _unmatched(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """`entry: task … has no metric …; it has …`, each once."""
    return sorted({f"{name}: {why}" for one in documents for name, why in one.get("unmatched", {}).items()})


def _score(document: Mapping[str, Any], entry: str) -> str:
    text = shown(document["results"].get(entry))
    return "no metric" if text == "–" and entry in document.get("unmatched", {}) else text


def _marked(score: str, entry: MetricEntry, marks: Collection[str]) -> str:
    """A score that an unproven task takes part in says so."""
    names = {mark.partition(":")[0] for mark in marks}
    part = any(task.partition(":")[0] in names for task in entry.tasks)
    return f"{score}{UNPROVEN}" if part and score not in ("–", "no metric") else score


def _row(folder: str, document: Mapping[str, Any], used: Sequence[MetricEntry], marks: Collection[str]) -> list[str]:
    settings = document["custom_settings"]
    name = f"{settings['name']} (v{settings['version']})" if settings["version"] else settings["name"]
    values = [_marked(_score(document, entry.name), entry, marks) for entry in used]
    measured = [one["measured"] for one in document["evals"].values() if one["measured"]]
    link = f"[{_cell(document['model'])}]({_url(folder)})"
    imported = _imported(document)
    evals = str(len(document["evals"])) + (f" ({imported} imported)" if imported else "")
    return [link, _cell(name) or "–", *values, evals, max(measured, default="–")[:10]]


def _imported(document: Mapping[str, Any]) -> int:
    return sum("imported" in one for one in document["evals"].values())


def _links(folders: Sequence[str]) -> str:
    return "".join(f"- [{_cell(folder.removeprefix(DEBUG))}]({_url(folder)})\n" for folder in folders)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("_", "\\_")


def _url(folder: str) -> str:
    return folder.removeprefix("results/").replace(" ", "%20")
