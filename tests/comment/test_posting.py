"""One comment per pull request: found by its commit, written once, kept up to date; nothing else is posted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from evalctl.comment import github, gitlab
from evalctl.comment.api import Api
from evalctl.comment.body import MARKER
from evalctl.comment.posting import keep_one
from evalctl.shell import EnvironmentProblem, TryLater

from .hub import BOT, HEAD, Hub, pull, serving, zipped

TEXT = f"{MARKER}\n## evalctl: no errors; 1 job would run\n\n**1 job**\n"
AS_POSTED = f"{TEXT}\nOf commit {HEAD[:12]}.\n"
CHANGES = "https://github.com/lab/evaluations/pull/7/files#diff-"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A pull request 7 whose run 55 has made a comment."""
    with serving() as hub:
        hub.artifacts["1"] = zipped(TEXT)
        yield hub


def posted(hub: Hub, waits: list[float] | None = None) -> list[str]:
    """What posting says."""
    said: list[str] = []
    api, pages = github.api_of(hub.environment())
    github.post(replace(api, sleep=(waits if waits is not None else []).append), pages, 55, said.append)
    return said


def test_the_comment_is_written_once_and_then_kept_up_to_date(hub: Hub) -> None:
    """The same text is not sent again."""
    assert posted(hub)[0] == "commented on pull request 7"
    assert [one["body"] for one in hub.comments] == [AS_POSTED]
    hub.calls.clear()
    assert posted(hub) == ["the comment on pull request 7 is up to date"]
    assert hub.writes() == []
    hub.artifacts["1"] = zipped(TEXT.replace("1 job", "2 jobs"))
    assert posted(hub) == ["updated the comment on pull request 7"]
    assert hub.writes() == ["PATCH /issues/comments/100"] and len(hub.comments) == 1


def test_the_pull_request_is_found_among_many(hub: Hub) -> None:
    """On the third page, by its commit; that of a fork, too, whose run names no pull request."""
    others = [pull(number, f"{number:040x}") for number in range(1000, 1250)]
    hub.pulls = [*others, *hub.pulls]
    hub.comments = [{"id": number, "user": {"login": "a", "type": "User"}, "body": "x"} for number in range(250)]
    assert posted(hub)[0] == "commented on pull request 7"


@pytest.mark.parametrize(
    "user",
    [
        {"login": "mallory", "type": "User"},
        {"login": "other-app[bot]", "type": "Bot"},
        {"login": BOT["login"], "type": "User"},
    ],
)
def test_a_forged_marker_is_not_ours(hub: Hub, user: dict[str, str]) -> None:
    """Its comment stays as it is, and ours is another one."""
    hub.add(f"{MARKER}\n## evalctl: no errors", user)
    assert posted(hub)[0] == "commented on pull request 7"
    assert hub.comments[0]["body"] == f"{MARKER}\n## evalctl: no errors" and hub.comments[1]["body"] == AS_POSTED


@pytest.mark.parametrize(
    ("pulls", "count"),
    [([], "no"), ([pull(7, "b" * 40)], "no"), ([pull(7, repository=9)], "no"), ([pull(7, branch="other")], "no"), ([pull(7), pull(8)], "2")],
)  # fmt: skip
def test_what_is_not_exactly_one_open_pull_request_is_left_alone(
    hub: Hub, pulls: list[dict[str, object]], count: str
) -> None:
    """Closed, with newer commits, or opened by somebody else with the same commit: no comment is written over."""
    hub.pulls = pulls
    assert posted(hub) == [f"{count} open pull requests of this branch are at {HEAD}: nothing is posted"]
    assert hub.writes() == []


def test_somebody_elses_pull_request_with_the_same_commit_takes_no_comment_away(hub: Hub) -> None:
    """It is of another repository."""
    hub.pulls = [pull(8, repository=9), pull(7)]
    assert posted(hub)[0] == "commented on pull request 7"


def test_a_run_of_another_event_is_refused(hub: Hub) -> None:
    """Only runs of pull requests make comments."""
    hub.event = "push"
    with pytest.raises(EnvironmentProblem, match="not of a pull request"):
        posted(hub)


def refused(hub: Hub) -> str:
    """The reason; the comment says that there is no plan of this commit, so that no older verdict stays."""
    with pytest.raises(EnvironmentProblem, match="is not posted") as caught:
        posted(hub)
    (comment,) = hub.comments
    assert comment["body"].startswith(f"{MARKER}\n## evalctl: no plan\n") and HEAD[:12] in comment["body"]
    return caught.value.message


def test_a_run_without_an_artifact_leaves_no_older_verdict(hub: Hub) -> None:
    """It may have ended before, or its author has taken the step away."""
    hub.add(AS_POSTED)
    hub.artifacts.clear()
    assert "it has uploaded none" in refused(hub)


def test_of_several_artifacts_the_newest_counts(hub: Hub) -> None:
    """A run that is started again uploads another one."""
    hub.artifacts = {"3": zipped(TEXT.replace("1 job", "3 jobs")), "2": zipped(TEXT)}
    posted(hub)
    assert "3 jobs" in hub.comments[0]["body"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<img src=//x>", "HTML tag <img"), ("<a href=x>y</a>", "HTML tag <a"), ("<details open onclick=x>", "HTML tag <details"),
        ("<?x", "HTML tag <?x"), ("<!-- evalctl: another -->", "HTML tag <!--"), ("a <b", "HTML tag <b"),
        ("![x](y)", "links to y"), ("![x][y]", "a picture"), ("[merge](https://evil.example)", "links to https://evil.example"),
        ("\\\\[merge\\\\](//evil.example)", "links to //evil.example"), (f"[a]({CHANGES.replace('/7/', '/8/')}{'a' * 64}R1)", "links to https://git"),
        (f"[a]({CHANGES}{'a' * 64}R1 https://evil.example )", "a link of another form"),
        (f"[a]({CHANGES}[click](https://evil.example)", "links to https://git"),
        ("[merge][x]\n\n[x]: //evil.example/", "a link of another form"), ("[x]: https&#58;//evil.example/", "the entity &#58;"),
        ("[x]: https:\\//evil.example/", "a link of another form"), ("https://evil.example", "an address"), ("www.evil.example", "an address"),
        ("@everyone", "a mention"), ("&#64;octocat", "the entity &#64;"), ("lab/other#5", "a reference"), ("GH-1", "a reference"),
        ("```mermaid\n", "a fenced block"), ("$$x$$", "a fenced block"), ("\u202etxt", "control characters"),
        ("x" * 70_000, "are possible"), ("\U0001f600" * 40_000, "are possible"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_comment_of_evalctl_is_not_posted(hub: Hub, text: str, why: str) -> None:
    """The pull request's author may have changed the program that makes it."""
    hub.artifacts["1"] = zipped(f"{MARKER}\n## evalctl: no errors\n{text}\n")
    assert why in refused(hub)


def test_a_text_without_our_beginning_is_not_posted(hub: Hub) -> None:
    """Whatever it is."""
    hub.artifacts["1"] = zipped("## evalctl: fine\n")
    assert "does not begin as a comment of evalctl" in refused(hub)


def damaged() -> bytes:
    """A zip whose compressed bytes are not."""
    content = bytearray(zipped(TEXT * 50))
    content[60:90] = b"\xff" * 30
    return bytes(content)


@pytest.mark.parametrize(
    "content", [b"no zip", zipped(TEXT, "other.md"), zipped("\0" * 3_000_000), zipped(TEXT)[:-30], b"", damaged()]
)
def test_an_artifact_that_is_no_comment_is_refused(hub: Hub, content: bytes) -> None:
    """Neither a bomb nor a damaged file is unpacked."""
    hub.artifacts["1"] = content
    refused(hub)


def test_an_artifact_that_is_too_large_is_not_read(hub: Hub) -> None:
    """It is not even downloaded to its end."""
    hub.artifacts["1"] = b"x" * 400_000
    with pytest.raises(EnvironmentProblem, match="more than"):
        posted(hub)


def test_a_link_to_the_changes_is_possible(hub: Hub) -> None:
    """And brackets and addresses of manifests, as evalctl escapes them."""
    hub.artifacts["1"] = zipped(
        f"{MARKER}\n## evalctl: 1 error to correct\n- [a.yaml:3]({CHANGES}{'ab' * 32}R3): \\[x\\](y) at https:\u200b//a @\u200bb\n"
    )
    assert posted(hub)[0] == "commented on pull request 7"


def test_a_token_that_may_only_read_is_named(hub: Hub) -> None:
    """What a workflow of a fork has: 403, and no second try."""
    hub.read_only = True
    with pytest.raises(EnvironmentProblem, match="403") as caught:
        posted(hub)
    assert "permissions" in caught.value.help and len(hub.writes()) == 1


def test_a_comment_whose_reply_was_lost_is_not_posted_twice(hub: Hub) -> None:
    """The list of comments says that it was created."""
    hub.lost = True
    assert posted(hub)[0] == "commented on pull request 7"
    assert len(hub.comments) == 1


def test_two_runs_at_once_leave_one_comment(hub: Hub) -> None:
    """Each may have created one: the older stays."""
    hub.add(TEXT.replace("1 job", "an older text"))
    hub.add(TEXT)
    assert "deleted a second comment on pull request 7" in posted(hub)
    assert [(one["id"], one["body"]) for one in hub.comments] == [(100, AS_POSTED)]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(502, {}), (503, {}), (429, {"Retry-After": "3"}), (403, {"Retry-After": "60"}), (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"})],
)  # fmt: skip
def test_what_may_pass_is_waited_for(hub: Hub, status: int, headers: dict[str, str]) -> None:
    """Errors of the server, and limits of rate for as long as they say."""
    hub.trouble["GET /pulls"] = [(status, headers)] * 2
    waits: list[float] = []
    assert posted(hub, waits)[0] == "commented on pull request 7"
    assert waits == [float(headers.get("Retry-After", 1 if headers else 2))] * 2


def test_a_limit_that_lasts_and_a_server_that_is_down_are_for_later(hub: Hub) -> None:
    """Exit code 4: nothing was posted, and the same command may succeed later."""
    hub.trouble["GET /pulls"] = [(429, {"Retry-After": "3600"})]
    with pytest.raises(TryLater, match="429"):
        posted(hub)
    api = Api("GitHub", "http://127.0.0.1:1/repos/lab/evaluations", {}, {}, lambda _: None)
    with pytest.raises(TryLater, match="could not be reached"):
        github.post(api, "https://github.com/lab/evaluations", 55, print)


def test_the_token_goes_to_the_api_only(hub: Hub) -> None:
    """Artifacts are downloaded from another place, to which GitHub redirects."""
    posted(hub)
    assert hub.leaked == []


@pytest.mark.parametrize(
    "change",
    [
        {"GITHUB_API_URL": "http://api.example"}, {"GITHUB_API_URL": "file:///etc/passwd"}, {"GITHUB_API_URL": "https://a@b"},
        {"GITHUB_API_URL": ""}, {"GITHUB_REPOSITORY": "../../x"}, {"GITHUB_TOKEN": ""}, {"GITHUB_TOKEN": "a\nb"},
    ],
)  # fmt: skip
def test_variables_that_are_no_api_are_refused(hub: Hub, change: dict[str, str]) -> None:
    """Before anything is sent."""
    with pytest.raises(EnvironmentProblem):
        github.api_of({**hub.environment(), **change})
    assert hub.calls == []


GITLAB = {"CI_PROJECT_ID": "3", "CI_MERGE_REQUEST_IID": "7", gitlab.TOKEN: "glpat-x"}


def test_gitlab_has_one_note_of_the_tokens_account(hub: Hub) -> None:
    """Created, found again by marker and author, changed."""
    thread = gitlab.merge_request_of({**GITLAB, "CI_API_V4_URL": hub.address})
    assert thread is not None
    hub.add(TEXT, {"username": "mallory"})
    said: list[str] = []
    keep_one(thread, TEXT, said.append)
    keep_one(thread, TEXT, said.append)
    keep_one(thread, TEXT.replace("1 job", "2 jobs"), said.append)
    up_to_date = "the comment on merge request 7 is up to date"
    assert said == ["commented on merge request 7", up_to_date, up_to_date, "updated the comment on merge request 7"]
    assert [one["body"] for one in hub.comments] == [TEXT, TEXT.replace("1 job", "2 jobs")]


def test_gitlab_without_a_token_posts_nothing() -> None:
    """As in the pipeline of a fork."""
    assert gitlab.merge_request_of({**GITLAB, gitlab.TOKEN: ""}) is None
