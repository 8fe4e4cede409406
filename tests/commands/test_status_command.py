"""One screen: every eval of a few, what is left to do of many."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from samples import repository

from evalctl import cli
from evalctl.commands.status import SCREEN, summary, table
from evalctl.results.slowness import Cause
from evalctl.sync.eval_status import EvalStatus

SLOW = (Cause("too little memory", "7 preemptions", "a larger node kind"), Cause("length", "half of them", "look"))


def line(number: int, state: str = "done", reason: str = "result-current", age: float | None = 60.0) -> EvalStatus:
    """An eval of request `r<number>`."""
    return EvalStatus(
        f"manifests/requests/r{number}.yaml", "team/tiny", "default", "ja_mmlu", f"ev-r{number}", state, reason, "", age
    )


def test_each_eval_has_its_state_reason_and_age() -> None:
    """Words in columns."""
    shown = table([line(1, "wait", "queued", 7200.0), line(2)]).splitlines()
    assert shown[1].split() == ["wait", "ja_mmlu", "team/tiny", "(default)", "2", "h", "queued"]
    assert len(shown) == 3


def test_what_slows_an_eval_stands_below_it() -> None:
    """With what to change; of many evals, the names of the causes by request."""
    slow = replace(line(1, "running", "queued"), causes=SLOW)
    assert table([slow, line(2)]).splitlines()[2:4] == [
        "    too little memory: 7 preemptions; a larger node kind", "    length: half of them; look",
    ]  # fmt: skip
    assert "1 queued (too little memory, length)" in summary([slow, line(2)])


def test_many_requests_fit_on_one_screen_those_that_need_a_person_first() -> None:
    """A thousand requests of 19 evals: the one that stopped, those that wait, and the numbers of all."""
    lines = [line(number) for number in range(1000) for _ in range(18)]
    lines += [line(number, "wait", "queued", 3600.0) for number in range(999)]
    lines.append(line(999, "stop", "gated-model"))
    shown = summary(lines).splitlines()
    assert len(shown) == SCREEN + 3
    assert shown[1].split() == ["stop", "r999", "18/19", "1", "min", "1", "gated-model"]
    assert shown[2].split() == ["wait", "r0", "18/19", "1", "h", "1", "queued"]
    assert shown[-2] == f"and {1000 - SCREEN} more requests (evalctl status --all)"
    assert shown[-1] == "19000 evals of 1000 requests, 0 of them done: 1 stop, 999 wait, 18000 done"


def test_what_is_done_is_only_counted() -> None:
    """Nothing to look at, nothing to scroll past."""
    assert summary([line(number) for number in range(50)]) == "50 evals of 50 requests, 50 of them done: 50 done"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one request, and a queue of its own."""
    monkeypatch.setenv("EVALCTL_QUEUE", str(tmp_path / "queue"))
    text = "model: lab/small-8B\nservice: tsubame\ntasks: [en]\n"
    made = repository(tmp_path / "root", {"manifests/requests/a.yaml": text})
    git(made, "init", "-q", "-b", "main")
    return made


def test_a_program_gets_the_evals_alone_and_a_person_the_warnings(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json a remote that is gone is named, too, where it does not break the JSON."""
    assert cli.main(["--repo", str(root), "compile"]) == 0
    capsys.readouterr()
    git(root, "add", "manifests", "generated")
    git(root, "commit", "-q", "-m", "request")
    git(root, "remote", "add", "origin", str(root / "gone"))
    assert cli.main(["--repo", str(root), "status", "--json"]) == 0
    printed = capsys.readouterr()
    assert len(json.loads(printed.out)) == 3
    assert printed.err.startswith("warning: ") and str(root / "gone") in printed.err


def test_a_request_that_is_not_compiled_is_called_that(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is listed, with what to type."""
    git(root, "add", "manifests")
    git(root, "commit", "-q", "-m", "request")
    assert cli.main(["--repo", str(root), "status"]) == 0
    printed = capsys.readouterr()
    assert "not-compiled" in printed.out and "evalctl compile" in printed.out
    assert "left out" not in printed.err


@pytest.mark.parametrize("service", ["local", "tsubame"])
def test_a_request_is_called_by_what_it_lacks(root: Path, service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Written, compiled, committed: whichever service it is for, what comes next is named."""
    request = root / "manifests/requests/a.yaml"
    request.write_text(request.read_text().replace("tsubame", service))
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing")

    def reasons() -> set[str]:
        capsys.readouterr()
        assert cli.main(["--repo", str(root), "status", "--json"]) == 0
        return {line["reason"] for line in json.loads(capsys.readouterr().out)}

    assert reasons() == {"not-compiled"}
    assert cli.main(["--repo", str(root), "compile"]) == 0
    assert reasons() == {"not-committed"}
    git(root, "add", "manifests", "generated")
    git(root, "commit", "-q", "-m", "request")
    assert reasons() == {"other-service" if service == "tsubame" else "environment-not-built"}


def test_a_request_with_an_error_is_named_and_left_out(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So is the command that tells why."""
    (root / "manifests/requests/a.yaml").write_text("model: nonsense\n")
    git(root, "add", "manifests")
    git(root, "commit", "-q", "-m", "request")
    assert cli.main(["--repo", str(root), "status"]) == 0
    printed = capsys.readouterr()
    assert "evalctl compile --check" in printed.err and "manifests/requests/a.yaml" in printed.err
    assert printed.out.startswith("no evals: every request has errors")


def git(root: Path, *words: str) -> None:
    """Runs git as somebody."""
    subprocess.run(["git", "-C", str(root), "-c", "user.name=A", "-c", "user.email=a@example.org", *words], check=True)
