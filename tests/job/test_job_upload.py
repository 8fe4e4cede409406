"""The upload of results and details, by the real huggingface_hub to a Hub on loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer

REPO = "lab/details_pub__tiny_private"
STAMP = "2026-11-24T01-02-03.000004"
WRITE = "import sys, json, pyarrow as a, pyarrow.parquet as p; p.write_table(a.Table.from_pylist(json.load(sys.stdin)), sys.argv[1])"

WRITE_BYTES = (
    "import sys, pyarrow as a, pyarrow.parquet as p; t = a.table({'x': [b'in the rows']});"
    "p.write_table(t.replace_schema_metadata({'note': 'beside them'}), sys.argv[1])"
)


@dataclass
class Uploads:
    """Runs the program against `hub`."""

    hub: HubServer
    python: Path
    folder: Path
    variables: dict[str, str]

    def call(self, *words: str | Path, **more: str) -> tuple[int, list[str]]:
        """Exit code and the lines that it printed."""
        done = subprocess.run(
            [self.python, "-m", "evalctl_job.upload", *words], text=True, stdout=subprocess.PIPE, timeout=120, check=False,
            env={**self.variables, "HF_ENDPOINT": self.hub.endpoint, "HF_TOKEN": "member", **more},
        )  # fmt: skip
        return done.returncode, done.stdout.splitlines()

    def push(self, stamp: str = STAMP, private: bool = True, repo: str = REPO, **more: str) -> tuple[int, list[str]]:
        """One result and its details."""
        plan = {
            "repo": repo, "private": private, "model": "pub/tiny", "message": "results of pub/tiny",
            "texts": {f"results_{stamp}.json": '{"results": {}}'},
            "files": {f"{stamp}/details_en|gpqa|0_{stamp}.parquet": str(self.parquet([{"doc": "日本"}]))},
        }  # fmt: skip
        path = self.folder / "plan.json"
        path.write_text(json.dumps(plan))
        status, lines = self.call("push", path, **more)
        return status, lines[-1].split("\t")

    def parquet(self, rows: list[dict[str, Any]]) -> Path:
        """Details as a framework writes them."""
        path = self.folder / "details.parquet"
        subprocess.run([self.python, "-c", WRITE, path], input=json.dumps(rows), text=True, check=True)
        return path


@pytest.fixture
def uploads(environment: Path, variables: dict[str, str], tmp_path: Path) -> Iterator[Uploads]:
    """A Hub without datasets."""
    hub = HubServer()
    online = {name: value for name, value in variables.items() if not name.endswith("_OFFLINE")}
    yield Uploads(hub, environment / "bin" / "python", tmp_path, online)
    hub.close()


def test_results_and_details_are_one_commit_of_a_private_dataset(uploads: Uploads) -> None:
    """Files have the places that lighteval gives them, and the last line is the commit's address."""
    status, last = uploads.push()
    assert (status, last) == (0, ["done", f"{uploads.hub.endpoint}/datasets/{REPO}/commit/{1:040x}"])
    assert uploads.hub.datasets.private == {REPO: True}
    details = f"{STAMP}/details_en|gpqa|0_{STAMP}.parquet"
    assert uploads.hub.datasets.commits == [(REPO, [details, "README.md", f"results_{STAMP}.json"])]
    assert uploads.hub.datasets.files[REPO][details] == (uploads.folder / "details.parquet").read_bytes()


def test_the_card_names_each_task_with_all_its_runs(uploads: Uploads) -> None:
    """`load_dataset(REPO, TASK, split="latest")` finds the newest; earlier runs stay."""
    later = "2026-11-25T00-00-00.000001"
    assert [uploads.push()[0], uploads.push(later)[0]] == [0, 0]
    page = uploads.hub.datasets.files[REPO]["README.md"].decode()
    configs = {one["config_name"]: one["data_files"] for one in json.loads(page.split("---")[1])["configs"]}
    assert set(configs) == {"en_gpqa_0", "results"}
    newest = [f"{later}/details_en|gpqa|0_{later}.parquet"]
    assert [one["path"] for one in configs["en_gpqa_0"]][1:] == [newest, newest]
    assert [one["split"] for one in configs["results"]] == [
        "2026_11_24T01_02_03_000004", "2026_11_25T00_00_00_000001", "latest",
    ]  # fmt: skip


def test_nothing_private_goes_into_a_public_dataset(uploads: Uploads) -> None:
    """Somebody made it public since: no commit, and what to do about it."""
    uploads.push()
    uploads.hub.datasets.private[REPO] = False
    status, last = uploads.push("2026-11-25T00-00-00.000001")
    assert (status, last[:2], len(uploads.hub.datasets.commits)) == (1, ["failed", "hub-refused"], 1)


def test_a_public_dataset_is_made_where_that_was_asked_for(uploads: Uploads) -> None:
    """Never by default."""
    assert uploads.push(private=False, repo="lab/details_pub__tiny")[0] == 0
    assert uploads.hub.datasets.private == {"lab/details_pub__tiny": False}


def test_a_token_without_rights_is_named_and_not_shown(uploads: Uploads) -> None:
    """Repository, host and what is missing."""
    status, last = uploads.push(HF_TOKEN="stranger-token")
    assert (status, last[:2]) == (1, ["failed", "authentication"])
    assert REPO in last[2] and uploads.hub.endpoint in last[2] and "stranger" not in last[2]


def test_a_hub_that_fails_or_is_away_is_unreachable(uploads: Uploads) -> None:
    """Another time it may do."""
    uploads.hub.refuse = 503
    assert uploads.push()[1][:2] == ["failed", "hub-unreachable"]
    assert uploads.push(HF_ENDPOINT="http://127.0.0.1:9")[1][:2] == ["failed", "hub-unreachable"]


def test_every_text_of_the_details_can_be_looked_at(uploads: Uploads) -> None:
    """However deep it lies, with its line ends."""
    rows = [{"doc": {"query": "質問\nhf_secret", "choices": ["A", "B"]}, "n": 1}]
    status, lines = uploads.call("texts", uploads.parquet(rows))
    assert status == 0
    assert {"質問", "hf_secret", "A", "B"} <= set(lines)


def test_texts_in_bytes_and_beside_the_rows_can_be_looked_at_too(uploads: Uploads) -> None:
    """A key may hide in a binary column or in the file's own notes."""
    path = uploads.folder / "details.parquet"
    subprocess.run([uploads.python, "-c", WRITE_BYTES, path], check=True)
    status, lines = uploads.call("texts", path)
    assert status == 0
    assert {"in the rows", "beside them"} <= set(lines)
