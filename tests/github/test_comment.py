"""The two workflows of a pull request together: one computes the comment, the other posts it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from comment.hub import Hub, serving, zipped

from evalctl.comment.acceptable import why_not

from .remote import MODEL_SETTINGS, REQUEST, SETTINGS, Remote
from .workflow import Run, jobs, load, run_step

NEW = "manifests/requests/new.yaml"
PULL = "https://github.com/lab/evaluations/pull/7"
Opened = Callable[..., Run]


def comment_of(tmp_path: Path) -> str:
    """What the first workflow has left for the second."""
    return (tmp_path / "comment.md").read_text(encoding="utf-8")


def test_a_new_request_is_priced_before_it_is_merged(pull_request: Opened, tmp_path: Path) -> None:
    """The verdict, the totals of its service in points, and its tasks."""
    run = pull_request({NEW: REQUEST.replace("[ja_mmlu, en_mtbench]", "[swallow-ja]")})
    assert run.steps["Write the comment"].status == 0
    text = comment_of(tmp_path)
    assert "## evalctl: no errors; 1 job would run" in text
    assert "| tsubame | 1 | 9 |" in text and "points" in text
    assert f"- {NEW}: 9 to run, 1 waiting; at most 12:20:00" in text and "| ja_gpqa | run (no result yet) |" in text
    assert "old.yaml" not in text
    assert [
        line
        for line, before in zip(text.splitlines()[1:], text.splitlines(), strict=False)
        if line.startswith("###") and before
    ] == []
    assert why_not(text, PULL) == ""


def test_mistakes_link_to_their_lines(pull_request: Opened, tmp_path: Path) -> None:
    """The step passes, so that the comment is posted; the check fails in its own step."""
    run = pull_request({NEW: REQUEST + "max_samples: many\n"}, compiled=False)
    assert run.steps["Write the comment"].status == 0 and run.steps["Check the manifests"].status == 1
    text = comment_of(tmp_path)
    assert "error to correct" in text and f"[{NEW}:5]({PULL}/files#diff-" in text
    assert why_not(text, PULL) == ""


def test_a_changed_setting_is_shown_with_both_values(pull_request: Opened, tmp_path: Path) -> None:
    """And what a person must look at has a part of its own."""
    pull_request({MODEL_SETTINGS: SETTINGS + "  trust_remote_code: true\n"})
    text = comment_of(tmp_path)
    assert "### Changes that a person must look at" in text and "trust_remote_code" in text
    assert why_not(text, PULL) == ""


def test_addresses_and_mentions_of_manifests_are_text(pull_request: Opened, tmp_path: Path) -> None:
    """A provider's address is shown to the reviewer, and is no link; nobody is called by a request."""
    provided = "model: any/model\nprovider: lab-llm\nservice: tsubame\ntasks: [ja_mmlu, '@everyone']\n"
    provider = "base_url: https://llm.lab.example/v1\n"
    pull_request({NEW: provided, "manifests/providers/lab-llm.yaml": provider}, compiled=False)
    text = comment_of(tmp_path)
    assert "https:\u200b//llm.lab.example/v1" in text and "@\u200beveryone" in text
    assert why_not(text, PULL) == ""


def test_a_pull_request_of_something_else_says_so(pull_request: Opened, tmp_path: Path) -> None:
    """And the comment is the same when nothing changes."""
    pull_request({"docs/x.md": "x\n"})
    text = comment_of(tmp_path)
    assert "## evalctl: no request changes its plan" in text
    again = subprocess.run(
        ["evalctl", "plan", "--format", "comment", "--base", "HEAD^1"], cwd=tmp_path / "clone", text=True, capture_output=True,
        env={**os.environ, "PATH": _path(), "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "lab/evaluations",
             "GITHUB_REF": "refs/pull/7/merge"},
    )  # fmt: skip
    assert again.stdout == text


def _path() -> str:
    import sys

    return f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture
def hub():  # type: ignore[no-untyped-def]
    """GitHub's API on this machine."""
    with serving() as hub:
        yield hub


def posted(hub: Hub, remote: Remote, tmp_path: Path) -> tuple[int, str]:
    """Runs the posting step of comment.yml in a checkout of the default branch."""
    (job,) = jobs(load("comment.yml"))
    step = next(step for step in job["steps"] if step.get("name") == "Post the comment")
    ran = run_step(
        step, remote.work, tmp_path, {"PATH": _path(), "HOME": str(tmp_path), "RUN": "55", **hub.environment()}
    )
    return ran.status, ran.output


def test_the_comment_of_one_workflow_is_posted_by_the_other(
    pull_request: Opened, remote: Remote, hub: Hub, tmp_path: Path
) -> None:
    """From the pull request of a fork to one comment under it."""
    pull_request({NEW: REQUEST.replace("[ja_mmlu, en_mtbench]", "[swallow-ja]")})
    hub.artifacts["1"] = zipped(comment_of(tmp_path))
    assert posted(hub, remote, tmp_path) == (
        0,
        "commented on pull request 7\nthe comment on pull request 7 is up to date\n",
    )
    assert "1 job would run" in hub.comments[0]["body"] and len(hub.comments) == 1


def test_what_is_not_posted_fails_with_its_reason(remote: Remote, hub: Hub, tmp_path: Path) -> None:
    """A person sees why in the log of the workflow."""
    hub.artifacts["1"] = zipped("## approved by the maintainers\n")
    status, output = posted(hub, remote, tmp_path)
    assert status == 1 and "it does not begin as a comment of evalctl" in output
    assert "approved" not in hub.comments[0]["body"]
