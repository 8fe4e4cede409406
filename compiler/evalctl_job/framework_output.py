"""Reads a framework's output: one results JSON and, per entry, a parquet file with every answer.

Forms seen: lighteval 0.13.0 and the fork lighteval-swallow 0.8. Both write
`results/<model>/…/results_<stamp>.json` and `details/<model>/…/<stamp>/details_<entry>_<stamp>.parquet`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UPSTREAM, SWALLOW = "lighteval", "lighteval-swallow"
# "pass@k:k=1&n=4" (lighteval 0.13) and "humaneval_pass@1:10" (the fork) give the number of answers that the metric needs.
SAMPLES_IN_NAME = re.compile(r"(?:[:&]n=|@\d+:)(\d+)")
KEPT_SETTINGS = (
    "name", "suite", "version", "hf_repo", "hf_subset", "hf_revision", "evaluation_splits", "generation_size",
    "num_fewshots", "original_num_docs", "effective_num_docs",
)  # fmt: skip


class UnreadableOutput(Exception):
    """The results file exists but does not have this framework's form."""


@dataclass(frozen=True, slots=True)
class Details:
    """All answers of one entry: a row per document with a text per sample, and the number of texts that each row should have.

    `copied` is how many of the texts may be copies that the framework made of an answer.
    """

    path: str
    texts: tuple[tuple[str | None, ...], ...]
    expected: tuple[int, ...]
    copied: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """One run of the framework, as it wrote it. `unscored` are its tasks or subsets without a score, `unasked` those of them in
    whose data set it found no questions."""

    scores: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Mapping[str, Any]]
    max_samples: int | None
    seconds: float
    details: Mapping[str, Details]
    unscored: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()


def read_output(framework: str, folder: Path) -> Output | None:
    """The newest run under `folder`; None when there is no results file."""
    files = sorted(folder.glob("results/**/results_*.json"), key=lambda path: path.name)
    if not files:
        return None
    try:
        raw = json.loads(files[-1].read_text(encoding="utf-8"))
        general = raw["config_general"]
        scores = {entry: values for entry, values in raw["results"].items() if measured(entry)}
        details = {
            entry: read(framework, path, folder, scores[entry])
            for entry, path in details_files(files[-1], folder, scores)
        }
        seconds = float(general["total_evaluation_time_secondes"])
        settings = {entry: settings_of(entry, raw["config_tasks"], details) for entry in scores}
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, OSError) as problem:
        raise UnreadableOutput(f"{files[-1].name}: {type(problem).__name__}: {problem}") from problem
    unscored = tuple(without_scores(raw["config_tasks"], scores))
    answers = [path.name for path in folder.glob("details/**/details_*.parquet")]
    unasked = tuple(name for name in unscored if without_questions(name, raw["config_tasks"][name], scores, answers))
    return Output(scores, settings, general.get("max_samples"), seconds, details, unscored, unasked)


def measured(entry: str) -> bool:
    """An entry with documents of its own, not lighteval's averages over the others."""
    return entry != "all" and ":_average" not in entry


def without_scores(settings: Iterable[str], scores: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Tasks or subsets without a score (seen: the fork skips a subset whose data set has no questions)."""
    scored = {name for entry, metrics in scores.items() if metrics for name in (entry, entry.rpartition("|")[0])}
    yield from (name for name in settings if name not in scored)


def without_questions(name: str, settings: Any, entries: Iterable[str], answers: Iterable[str]) -> bool:
    """Whether the framework left a task out since its data set is empty: it counted nothing, has no entry and no answers (the fork, 0.8)."""
    counted = settings.get("original_num_docs", -1) if isinstance(settings, dict) else None
    entered = any(entry == name or entry.rpartition("|")[0] == name for entry in entries)
    return (
        counted in (-1, 0)
        and not entered
        and not any(file.startswith((f"details_{name}|", f"details_{name}_")) for file in answers)
    )


def details_files(results: Path, folder: Path, entries: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """The details file of each entry, of the same run as the results file."""
    stamp = results.stem.removeprefix("results_")
    files = {path.name: path for path in folder.glob(f"details/**/{stamp}/details_*.parquet")}
    for entry in entries:
        if path := files.get(f"details_{entry}_{stamp}.parquet"):
            yield entry, path


def read(framework: str, path: Path, folder: Path, metrics: Mapping[str, Any]) -> Details:
    """The answers in one details file, in the columns of the framework."""
    from pyarrow.parquet import ParquetFile  # a slow import, only needed where there are answers

    named = path.relative_to(folder).as_posix()
    if framework == SWALLOW:
        column = ParquetFile(path).read(columns=["predictions"])["predictions"].to_pylist()
        texts = tuple(tuple(flat(row)) for row in column)
        return Details(named, texts, (samples_named(metrics),) * len(texts), copies(column))
    rows = ParquetFile(path).read(columns=["model_response.text", "doc.num_samples"]).to_pylist()
    texts = tuple(tuple(flat(row["model_response"]["text"])) for row in rows)
    return Details(named, texts, tuple(row["doc"]["num_samples"] for row in rows))


def copies(rows: Sequence[Any]) -> int:
    """How many texts the fork may have copied: in a conversation at temperature 0 it asks once and gives that answer as each sample
    (litellm_model.py, seen: the commit in lighteval-swallow.source)."""
    turns = (turn for row in rows for turn in row or [] if isinstance(turn, list) and turn)
    return sum(len(turn) - 1 for turn in turns if all(text == turn[0] for text in turn))


def flat(row: Any) -> Iterator[str | None]:
    """The texts of a row: a list, or a list of turns in the fork's multi-turn tasks."""
    for text in row or []:
        if isinstance(text, list):
            yield from flat(text)
        else:
            yield text


def samples_named(metrics: Mapping[str, Any]) -> int:
    """How many answers per document the metrics' names ask for."""
    return max([1, *(int(found.group(1)) for name in metrics if (found := SAMPLES_IN_NAME.search(name)))])


def settings_of(entry: str, settings: Mapping[str, Any], details: Mapping[str, Details]) -> dict[str, Any]:
    """The task's settings for the record, with the true number of documents and without a path of this machine."""
    # The fork names settings `suite|task` and results `suite|task|shots`; lighteval 0.13 names both alike.
    raw = settings.get(entry) or settings[entry.rpartition("|")[0]]
    kept = {key: raw[key] for key in KEPT_SETTINGS if key in raw}
    if str(kept.get("hf_repo", "")).startswith("/"):
        kept["hf_repo"] = "/".join(Path(kept["hf_repo"]).parts[-2:])
    if entry in details and kept.get("effective_num_docs", -1) == -1:
        kept["effective_num_docs"] = len(details[entry].texts)  # lighteval 0.13 always leaves -1
    return kept
