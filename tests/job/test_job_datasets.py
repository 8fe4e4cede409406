"""Data sets come into the cache of jobs by the framework itself: real lighteval, its fork and `datasets`, a Hub on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hub_server import HubServer

from evalctl_job.fetch_datasets import DataSet, members, sources

GSM8K, MATH, GPQA = "openai/gsm8k", "HuggingFaceH4/MATH-500", "Idavidrein/gpqa"
ROW = json.dumps({"question": "1+1?", "answer": "#### 2", "problem": "p", "solution": "s"}).encode() + b"\n"
CARD = b"---\nconfigs:\n- config_name: %s\n  data_files:\n  - split: test\n    path: %s/test.jsonl\n---\n"
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
Lines = list[list[str]]


@dataclass
class Loading:
    """Runs the program against `hub`, with one cache."""

    hub: HubServer
    cache: Path
    variables: dict[str, str]

    def run(self, environment: Path, framework: str, *scripts: str, **more: str) -> tuple[int, Lines]:
        """Exit code and the lines for evalctl."""
        argv: list[str | Path] = [
            environment / "bin" / "python",
            "-m",
            "evalctl_job.fetch_datasets",
            "--framework",
            framework,
            *scripts,
        ]
        variables = {**self.variables, "HF_ENDPOINT": self.hub.endpoint, "HF_HOME": str(self.cache), **more}
        done = subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, [line.split("\t") for line in done.stdout.splitlines()]

    def read(self, name: str) -> int:
        """How often a data file of the data set was fetched."""
        return sum(
            path.startswith(f"/datasets/{name}/resolve/") and path.endswith(".jsonl") for _, path, _, _ in self.hub.log
        )


@pytest.fixture
def loading(variables: dict[str, str], tmp_path: Path) -> Iterator[Loading]:
    """A Hub with three data sets, and an empty cache."""
    hub = HubServer()
    hub.datasets.publish(GSM8K, {"README.md": CARD % (b"main", b"main"), "main/test.jsonl": ROW})
    hub.datasets.publish(MATH, {"test.jsonl": ROW})
    hub.datasets.publish(GPQA, {"README.md": CARD % (b"gpqa_diamond", b"d"), "d/test.jsonl": ROW})
    online = {name: value for name, value in variables.items() if not name.endswith("_OFFLINE")}
    yield Loading(hub, tmp_path / "cache", online)
    hub.close()


def ends(lines: Lines) -> list[str]:
    """The reasons of the data sets, in order; "" is loaded."""
    return [line[2] for line in lines if line[0] == "end"]


def test_what_lighteval_needs_is_loaded_once_and_is_there_without_a_network(
    loading: Loading, environment: Path
) -> None:
    """The task table of the environment names data set, part and revision; a name that it lacks is said; exit 1 until all is there."""
    code, lines = loading.run(environment, "lighteval", "gsm8k", **OFFLINE)
    assert (code, ends(lines), loading.hub.log) == (1, ["hub-offline"], [])
    code, lines = loading.run(environment, "lighteval", "gsm8k", "nope")
    assert code == 1 and lines[0][:3] == ["task", "nope", "unknown-task"]
    assert lines[1:] == [["begin", "1", "1", GSM8K, "main", "", "gsm8k"], ["end", "1", "", ""], ["done"]]
    assert loading.run(environment, "lighteval", "gsm8k")[0] == 0
    assert loading.read(GSM8K) == 1, "the second call fetches nothing again"
    loading.hub.close()
    code, lines = loading.run(environment, "lighteval", "gsm8k", **OFFLINE)
    assert (code, ends(lines)) == (0, [""])


def test_the_fork_loads_what_its_own_table_says(loading: Loading, fork_environment: Path) -> None:
    """The suite `swallow`, with the fork's release of `datasets`."""
    code, lines = loading.run(fork_environment, "lighteval-swallow", "math_500", "demo_arithmetic")
    assert code == 1 and lines[0][:3] == ["task", "demo_arithmetic", "unknown-task"]
    assert lines[1][3:] == [MATH, "default", "", "math_500"] and ends(lines) == [""]
    code, lines = loading.run(fork_environment, "lighteval-swallow", "math_500", **OFFLINE)
    assert (code, ends(lines)) == (0, [""])


def test_a_gated_data_set_names_page_and_token_and_holds_up_no_other(loading: Loading, environment: Path) -> None:
    """The others are loaded; after the conditions were accepted, the next call fetches what was missing alone."""
    loading.hub.datasets.gated.add(GPQA)
    code, lines = loading.run(environment, "lighteval", "gpqa:diamond", "math_500")
    assert (code, ends(lines)) == (1, ["gated-model", ""])
    (detail,) = [line[3] for line in lines if line[:3] == ["end", "1", "gated-model"]]
    page = f"{loading.hub.endpoint}/datasets/{GPQA}"
    assert detail == f"accept its conditions at {page} with the account of HF_TOKEN; HF_TOKEN is not set in .env"
    code, lines = loading.run(environment, "lighteval", "gpqa:diamond", "math_500", HF_TOKEN="member")
    assert (code, ends(lines)) == (0, ["", ""])
    assert (loading.read(MATH), loading.read(GPQA)) == (1, 1)


def test_a_hub_that_does_not_answer_is_asked_for_one_data_set_only(loading: Loading, environment: Path) -> None:
    """Its address is named; for the others nobody waits again."""
    loading.hub.close()
    code, lines = loading.run(environment, "lighteval", "gsm8k", "math_500")
    assert (code, ends(lines)) == (1, ["hub-unreachable", "hub-unreachable"])
    details = [line[3] for line in lines if line[0] == "end"]
    assert "does not answer as it should: " in details[0]
    assert details[1] == "not tried after the failure above"


def test_a_data_set_that_is_not_there_is_called_that(loading: Loading, environment: Path) -> None:
    """A wrong name and a private one look alike to who may not see it."""
    del loading.hub.datasets.files[GSM8K]
    code, lines = loading.run(environment, "lighteval", "gsm8k")
    assert (code, ends(lines)) == (1, ["dataset-unreachable"])
    assert "shows no such data set" in lines[1][3] and "HF_TOKEN is not set" in lines[1][3]


def test_a_full_disk_is_called_that(environment: Path, variables: dict[str, str]) -> None:
    """Whatever wraps the error of the system, and what `datasets` says before it writes."""
    program = (
        "import errno\nfrom evalctl_job.fetch_datasets import reason_of\n"
        "try:\n    try:\n        raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "    except OSError as error:\n        raise RuntimeError('an error while generating') from error\n"
        "except RuntimeError as error:\n    print(reason_of(error, 'a/b').reason)\n"
        "print(reason_of(OSError('Not enough disk space. Needed: 3 GB'), 'a/b').reason)\n"
        "print(reason_of(ValueError('BuilderConfig x not found'), 'a/b').reason)\n"
    )
    argv: list[str | Path] = [environment / "bin" / "python", "-c", program]
    online = {name: value for name, value in variables.items() if name not in OFFLINE}
    said = subprocess.run(argv, env=online, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["disk-full", "disk-full", "download-failed"]


def test_a_group_means_all_its_tasks_and_each_data_set_once() -> None:
    """As both releases of lighteval expand names; what lies in a folder of the environment is not fetched."""
    one, two = DataSet("a/b", "x", None, False), DataSet("a/b", "y", "v1", True)
    table = {"g:x": one, "g:y": two, "again": one, "own": DataSet("/opt/questions", "q", None, False), "single:x": two}
    assert members(table, "g") == ["g:x", "g:y"] and members(table, "g:x") == ["g:x"]
    assert members(table, "single") == [] and members(table, "nope") == []
    assert sources(table, ["g", "again", "own"]) == {one: ["g", "again"], two: ["g"]}
