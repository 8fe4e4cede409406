"""The text of a pull request's comment: what matters first, links to lines, below the limit at any size, safe to post."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalctl.comment.acceptable import why_not
from evalctl.comment.body import MARKER, PlannedChange, body
from evalctl.comment.fitting import LIMIT, CommentPart, fitted
from evalctl.comment.links import Links, links_of
from evalctl.model.diagnostic import WARNING, Diagnostic, Span
from evalctl.plan.forecast import RequestForecast

GITHUB = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "lab/evaluations",
    "GITHUB_REF": "refs/pull/7/merge",
}
PULL = "https://github.com/lab/evaluations/pull/7"
ERROR = Diagnostic(
    "unknown-task", "there is no task `ja_mmul`", Span("manifests/requests/a.yaml", 5, 3), "did you mean `ja_mmlu`?"
)


def planned(count: int = 0, findings: list[Diagnostic] | None = None) -> PlannedChange:
    """So many blocked requests, and findings."""
    return PlannedChange(
        [RequestForecast(f"manifests/requests/r{n}.yaml", (), True) for n in range(count)], {}, findings or [], []
    )


def test_an_error_has_its_place_with_a_link_and_what_to_type() -> None:
    """The link leads to the line among the changes, and names no commit."""
    text = body(planned(1, [ERROR]), links_of(GITHUB))
    anchor = hashlib.sha256(b"manifests/requests/a.yaml").hexdigest()
    assert text.startswith(f"{MARKER}\n## evalctl: 1 error to correct\n")
    assert (
        f"- [manifests/requests/a.yaml:5]({PULL}/files#diff-{anchor}R5): there is no task \\`ja_mmul\\` (did you mean"
        in text
    )
    assert why_not(text, PULL) == ""


def test_without_a_platform_there_are_places_and_no_links() -> None:
    """The same text in a terminal."""
    text = body(planned(0, [ERROR]), Links())
    assert "](" not in text and "manifests/requests/a.yaml:5" in text


def test_gitlab_has_its_own_anchors() -> None:
    """By SHA-1."""
    links = links_of(
        {"CI_MERGE_REQUEST_PROJECT_URL": "https://gitlab.example/lab/evaluations", "CI_MERGE_REQUEST_IID": "7"}
    )
    anchor = hashlib.sha1(b"a.yaml").hexdigest()
    assert (
        links.to(Span("a.yaml", 3)) == f"https://gitlab.example/lab/evaluations/-/merge_requests/7/diffs#{anchor}_0_3"
    )


@pytest.mark.parametrize(
    "change",
    [{"GITHUB_SERVER_URL": "javascript:x"}, {"GITHUB_REPOSITORY": "a/b](x"}, {"GITHUB_REF": "refs/pull/7/merge)"}, {"GITHUB_REF": "refs/heads/x"}],
)  # fmt: skip
def test_variables_of_another_form_give_no_links(change: dict[str, str]) -> None:
    """A person may set them."""
    assert links_of({**GITHUB, **change}) == Links()


def test_a_thousand_requests_with_a_thousand_errors_stay_below_the_limit() -> None:
    """Each part says what it left out; the verdict and the totals are of all."""
    findings = [
        replace(ERROR, span=Span(f"manifests/requests/r{n}.yaml", n + 1), message="m" * 300) for n in range(1000)
    ]
    findings += [replace(one, severity=WARNING, code="change-to-review") for one in findings]
    text = body(planned(1000, findings), links_of(GITHUB))
    assert len(text) <= LIMIT
    assert "## evalctl: 1000 errors to correct" in text and "1000 requests blocked by errors" in text
    assert (
        "more: `evalctl check --base` lists all of them" in text
        and "more requests; the totals above include them" in text
    )
    assert "### Changes that a person must look at" in text


HOSTILE = st.text(max_size=40) | st.text(alphabet="[]()<>!:/@&#\\`$|x\n1wG-H.", max_size=40)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_text_of_a_manifest_makes_a_comment_that_would_not_be_posted(message: str, help: str, name: str) -> None:
    """Names, values and advice come from files that anybody may have written."""
    finding = replace(ERROR, message=message, help=help, span=Span(name or "a"))
    text = body(planned(1, [finding, replace(finding, severity=WARNING)]), links_of(GITHUB))
    assert why_not(text.strip() + "\n", PULL) == ""


@pytest.mark.parametrize(
    "text", ["https://evil.example", "![x](y)", "[x](y)", "<img src=x>", "@everyone", "www.evil.example", "<!-- x -->", "\\[x](http://y)", "`a`", "|", "\\\\[x\\\\](y)"]
)  # fmt: skip
def test_hostile_texts_are_escaped(text: str) -> None:
    """What a text could do in Markdown, it does not do here."""
    made = body(planned(0, [replace(ERROR, message=text, help=text)]), links_of(GITHUB))
    assert why_not(made, PULL) == ""


def test_parts_are_cut_by_their_share_and_say_what_is_missing() -> None:
    """Later parts keep room."""
    parts = [
        CommentPart("A\n", ["x" * 9 + "\n"] * 100, rest=lambda left: f"+{left}", share=0.5),
        CommentPart("B\n", ["y\n"] * 3),
    ]
    text = fitted(parts, 200)
    assert text.endswith("B\ny\ny\ny\n") and len(text) <= 110 and "+91\n" in text
