"""A repository with the results of many models, for tests of the result site: records and the files derived from them, committed."""

from __future__ import annotations

import csv
import hashlib
import json
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evalctl.check.catalogue import shared
from evalctl.model.metrics import Metrics
from evalctl.results import derived, question_values
from evalctl_job.question_set import QuestionSet
from evalctl_job.scores import SCHEMA, Metric

REPOSITORY = Path(__file__).parents[2]
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"


def planted(
    root: Path,
    models: Sequence[str],
    questions: int = 40,
    slope: float = 0.5,
    right: Sequence[int] = (),
    only: Sequence[str] = (),
) -> Path:
    """A git repository at `root` with the tables of this one and a record of every task, or of `only` these, for each model.

    `right` says how many questions of each task or subset a model has right, the first ones; without it chance does.
    """
    (root / "manifests/requests").mkdir(parents=True)
    (root / "manifests/requests/.gitkeep").touch()
    shutil.copytree(REPOSITORY / "manifests/tasks", root / "manifests/tasks")
    metrics, tasks = tables(root)
    chance = random.Random(1)
    for number, model in enumerate(models):
        skill = 0.75 - slope * number / max(len(models), 10)
        first = right[number] if right else None
        for task in [one for one in tasks if not only or one["key"] in only]:
            _record(root, metrics, task, model, skill, questions, chance, first)
    derive(root, metrics)
    return commit(root, "results")


def tables(root: Path) -> tuple[Metrics, list[dict[str, str]]]:
    """metrics.yaml, and the rows of the tasks that are in it."""
    texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in (root / "manifests").rglob("*.*")}
    metrics = shared(texts)[0].metrics
    rows = csv.DictReader(texts["manifests/tasks/tasks_runtime.csv"].splitlines())
    return metrics, [row for row in rows if row["script"] in metrics.tasks]


def commit(root: Path, message: str, day: str = "2026-11-20") -> Path:
    """All files, at a fixed time by a fixed person: the commit's name is the same each time."""
    git = ["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    stamp = {"GIT_AUTHOR_DATE": f"{day}T00:00:00Z", "GIT_COMMITTER_DATE": f"{day}T00:00:00Z", "PATH": "/usr/bin:/bin"}
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", message], check=True, env=stamp)
    return root


def derive(root: Path, metrics: Metrics) -> None:
    """The aggregates and the leaderboard of the records."""
    texts, _ = derived.everything(derived.on_disk(root), metrics)
    for path, text in texts.items():
        if text is not None:
            (root / path).write_text(text, encoding="utf-8")


def _record(
    root: Path,
    metrics: Metrics,
    task: Mapping[str, str],
    model: str,
    skill: float,
    questions: int,
    chance: random.Random,
    right: int | None,
) -> None:
    """Each question has a difficulty of its own, the same for all models, so that pairs of models agree more than by chance."""
    keys = _keys(metrics, task["script"])
    values = {
        name: [_answers(f"{task['key']} {key}", questions, skill, chance, right) for key in keys]
        for name in dict.fromkeys(name for names in keys.values() for name in names)
    }
    scores = {
        key: {name: sum(values[name][place]) / questions for name in names}
        for place, (key, names) in enumerate(keys.items())
    }
    publisher, _, name = model.partition("/")
    name, _, settings = name.partition("@")
    path = root / "results/hosted_vllm" / publisher / name / settings / task["result_dir"] / "result.json"
    path.parent.mkdir(parents=True)
    beside = _questions(root, path.parent, task["key"], list(keys), questions, values)
    facts = {**_facts(task, publisher, name, settings, scores, questions), "per_question": beside}
    path.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def _answers(key: str, questions: int, skill: float, chance: random.Random, right: int | None) -> list[int]:
    if right is not None:
        return [int(place < right) for place in range(questions)]
    difficulty = random.Random(key)
    return [int(0.6 * difficulty.random() + 0.4 * chance.random() < skill) for _ in range(questions)]


def _questions(
    root: Path, folder: Path, task: str, keys: Sequence[str], number: int, values: Mapping[str, list[list[int]]]
) -> dict[str, str]:
    """Writes the question set and the values; returns what the record says of them."""
    of = [key for key in keys for _ in range(number)]
    digests = [hashlib.sha256(f"{task} {place}".encode()).hexdigest()[:16] for place in range(len(of))]
    asked = QuestionSet(tuple(digests), tuple(of))
    file = root / question_values.set_path(task, asked.digest())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(asked.text(), encoding="utf-8")
    metrics = {
        name: Metric("digits", "".join(str(one) for part in parts for one in part)).as_json()
        for name, parts in values.items()
    }
    document = {"schema": SCHEMA, "questions": asked.digest(), "answers": 1, "metrics": metrics, "of_whole_texts": []}
    text = json.dumps(document)
    (folder / "scores.json").write_text(text, encoding="utf-8")
    return {"questions": asked.digest(), "scores": hashlib.sha256(text.encode()).hexdigest()}


def _keys(metrics: Metrics, script: str) -> dict[str, list[str]]:
    """The framework's keys of a task and its subsets, each with the metrics that entries name."""
    found: dict[str, list[str]] = {}
    for entry in metrics.entries:
        if script in entry.tasks:
            subsets = metrics.subset_groups[entry.subsets] if entry.subsets else []
            if entry.function == "micro" and not subsets:
                subsets = [f"s{number}" for number in range(3)]
            for key in [f"swallow|{script}:{one}|0" for one in subsets] or [f"swallow|{script}|0"]:
                found.setdefault(key, [])
                found[key] += [name for name in entry.metrics if name not in found[key]]
    return found


def _facts(
    task: Mapping[str, str], publisher: str, name: str, settings: str, scores: Mapping[str, object], questions: int
) -> dict[str, object]:
    asked = questions * len(scores)
    return {
        "schema": "evalctl/result/1",
        "digest": hashlib.sha256(f"{task['key']} {publisher} {name} {settings}".encode()).hexdigest(),
        "task": {"key": task["key"], "script": task["script"], "result_dir": task["result_dir"], "framework": task["framework"],
                 "framework_version": "0.13.0", "digest": ""},
        "subject": {"provider": "vllm", "model": f"{publisher}/{name}", "revision": "a" * 40, "path": None,
                    "custom_settings": {"path": f"manifests/models/{publisher}/{name}.yaml" if settings else "",
                                        "name": settings, "version": "1.0" if settings else ""}},
        "generation": {"temperature": 0.0}, "server": {"max_model_length": 8192}, "max_samples": None,
        "scores": scores, "weights": dict.fromkeys(scores, questions),
        "samples": {"asked": asked, "answered": asked, "empty": 1, "failed": 0, "fresh": asked, "replayed": 0, "truncated": asked // 7, "unanswered": 0},
        "tokens": {"prompt": asked * 310, "completion": asked * 97}, "seconds": 2340.5, "measured_at": 1795796998,
        "ran": {"service": "tsubame", "node_kind": "node_q", "gpu": "NVIDIA H100", "host": "r1n2", "job": "ev-x", "attempt": 1,
                "name": f"ev-07af-{name[:20]}-a1", "native_id": "1049", "by": "kana@tsubame", "server_restarts": 0},
        "versions": {"lighteval": "0.13.0", "server": "0.32.0"}, "environments": {"framework": "lighteval-e230f61ef83f", "server": "vllm-a576e9cb1ea7"},
        "request": {"path": f"manifests/requests/{name}.yaml", "commit": "e" * 40},
        "script": {"path": f"generated/{name}/ev-x.sh", "sha256": "c" * 64},
        "sent": {"n": [1], "temperature": [0.0]}, "answered_by": {f"{publisher}/{name}": asked},
        "warnings": ["15 % of the answers were cut off at the length limit"] if task["key"].endswith("mmlu") else [],
    }  # fmt: skip


def names(number: int) -> Iterator[str]:
    """Names of models, some of them long, Japanese, or with settings."""
    yield "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
    yield "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5@greedy-long-context"
    yield "llm-jp/日本語モデル-13B-instruct"
    yield f"publisher-with-a-long-name/{'Long-' * 14}Name-70B-Instruct"
    yield from (f"lab/model-{one:03d}-Instruct" for one in range(number - 4))
