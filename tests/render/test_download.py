"""The script of a download, run with a stand-in for the program that downloads."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from standin_place import SOURCES

from evalctl.model.evaluation import Batch, Download, Site
from evalctl.model.weights import WeightsToDownload
from evalctl.render.download import download_script

REVISION = "0" * 40


def make_download(walltime: int = 60, model: str = "org/Model-1B") -> Download:
    """A download on service local."""
    batch = Batch("ev-download-0123abcd", walltime, 0, None, (), 5)
    weights = WeightsToDownload(model, REVISION, 16_000_000_000, "lighteval-env")
    return Download(
        batch.name, "manifests/requests/first.yaml", "local", "cpu", batch, weights, Site("local", "", (), (), ())
    )


@dataclass
class Node:
    """A run folder and an environment whose Python is a line of shell."""

    top: Path

    def run(self, download: Download, program: str) -> int:
        """The script's exit code."""
        self._write(program, download.batch.walltime_seconds)
        script = self.top / "download.sh"
        script.write_bytes(download_script(download).data)
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "EVALCTL_RUN_DIR": str(self.top / "run"),
            "HF_TOKEN": "hub-token",
        }
        return subprocess.run(["bash", script], env=environment, check=False, timeout=60).returncode

    def _write(self, program: str, walltime: int) -> None:
        (self.top / "run").mkdir(exist_ok=True)
        python = self.top / "environments/lighteval-env/bin/python"
        python.parent.mkdir(parents=True, exist_ok=True)
        begin = f"import sys; sys.path.insert(0, {str(SOURCES)!r}); from evalctl_job.run import main; sys.exit(main())"
        itself = f"[[ $* == *evalctl_job.run ]] && exec {sys.executable} -ISc {shlex.quote(begin)}"
        python.write_text(f"#!/bin/bash\n{itself}\nwhile [[ $1 != -m ]]; do shift; done\n{program}\n")
        python.chmod(0o755)
        (python.parents[1] / ".complete").touch()
        (self.top / ".env").write_text("OPENAI_API_KEY=a-key\nHF_HUB_CACHE=/bulk/hub\n")
        facts: dict[str, Any] = {
            "number": 1, "name": "ev-download-a1", "environments": str(self.top / "environments"),
            "env_file": str(self.top / ".env"), "caches": str(self.top / "caches"), "note": str(self.top / "note 日本.json"),
            "walltime_seconds": walltime, "variables": {"HF_HUB_CACHE": "/bulk/hub"},
        }  # fmt: skip
        (self.top / "run/attempt.json").write_text(json.dumps(facts))
        (self.top / "run/environments").write_text(facts["environments"])

    def finished(self) -> dict[str, Any]:
        """The last mark."""
        return dict(json.loads((self.top / "run/marks/finished.json").read_text()))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """A node that has nothing to do yet."""
    return Node(tmp_path)


def test_the_program_gets_its_words_and_no_key_but_the_hubs(node: Node) -> None:
    """Model, revision and note; the cache that sync looks at; and the job ends well."""
    call = node.top / "call"
    said = f'printf "%s\\n" "$@" "$HF_HUB_CACHE" "$HF_TOKEN" "${{OPENAI_API_KEY-none}}" >{call}'
    assert node.run(make_download(), said) == 0
    note = str(node.top / "note 日本.json")
    words = ["-m", "evalctl_job.download", "--model", "org/Model-1B", "--revision", REVISION, "--note", note]
    assert call.read_text().splitlines() == [*words, "/bulk/hub", "hub-token", "none"]
    assert (node.finished()["exit"], node.finished()["reason"]) == (0, "")


def test_a_download_that_fails_says_why(node: Node) -> None:
    """The program's last line becomes the job's mark."""
    assert (
        node.run(
            make_download(), 'printf "progress\\t1\\t2\\t3\\t4\\nfailed\\tgated-model\\task for \\"it\\"\\n"; exit 1'
        )
        == 3
    )
    finished = node.finished()
    assert (finished["exit"], finished["reason"], finished["detail"]) == (3, "gated-model", 'ask for "it"')


def test_a_download_that_needs_more_time_ends_itself(node: Node) -> None:
    """Before the scheduler's kill, and it leaves no process behind. Its end begins 5 seconds before: 9 are for a busy machine to start it."""
    pid = node.top / "pid"
    assert node.run(make_download(walltime=14), f"echo $$ >{pid}; exec sleep 50") == 76
    assert node.finished()["reason"] == "timeout"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_download_that_was_started_twice_runs_once(node: Node) -> None:
    """The guard is that of every job."""
    runs = node.top / "runs"
    assert [node.run(make_download(), f"echo run >>{runs}") for _ in range(2)] == [0, 75]
    assert runs.read_text() == "run\n"


def test_the_script_is_sound_whatever_the_model_is_called(tmp_path: Path) -> None:
    """bash can read it and shellcheck has nothing to say; the header tells a reviewer what it does."""
    script = tmp_path / "download.sh"
    script.write_bytes(download_script(make_download(model="a/b'; touch x; '")).data)
    subprocess.run(["bash", "-n", script], check=True)
    found = subprocess.run([Path(sys.executable).with_name("shellcheck"), script], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")
    assert f"#   downloads a/b'; touch x; ' at {REVISION}\n" in script.read_text()
