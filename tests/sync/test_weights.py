"""A job whose model is downloaded first: it waits, it goes on, and what went wrong blocks nothing else."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl.exits import LATER, PERSON
from evalctl.git.repository import open_repository
from evalctl.model.evaluation import Batch, Download, Job, RequestPlan, Site
from evalctl.model.run import Action
from evalctl.model.weights import WeightsToDownload
from evalctl.sync.context import Context
from evalctl.sync.control import cancel, retry
from evalctl.sync.eval_status import status
from evalctl.sync.ledger import Ledger
from evalctl.sync.records import JobRecord
from evalctl.sync.sync import joined, sync
from evalctl.sync.weights import awaited, fetch, hub_cache, is_refused, lacking, note_of

from .world import Clone, attempt_facts, git, make_eval, make_job, mark, plan

WEIGHTS = WeightsToDownload("team/tiny", "a" * 40, 16_100_000_000, "lighteval-0123456789ab")
FILES = {"config.json": b"{}", "model.safetensors": b"weights"}


@pytest.fixture
def job(clone: Clone) -> Job:
    """A job that needs weights."""
    made = replace(make_job(make_eval("arithmetic")), weights=WEIGHTS)
    clone.add_script(made)
    git(clone.root, "push", "-q")
    return made


def downloaded(context: Context, **more: object) -> Path:
    """The files in the cache, and the note of a download that ended well."""
    folder = hub_cache(context) / "models--team--tiny" / "snapshots" / WEIGHTS.revision
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    note = {"cache": str(hub_cache(context)), "files": {name: len(body) for name, body in FILES.items()}, **more}
    write_note(context, json.dumps(note))
    return folder


def write_note(context: Context, text: str) -> None:
    """What the last download said of itself."""
    note_of(context, WEIGHTS).parent.mkdir(parents=True, exist_ok=True)
    note_of(context, WEIGHTS).write_text(text)


def program(clone: Clone, text: str) -> None:
    """A stand-in for the job environment's Python."""
    python = clone.root / ".evalctl/environments" / WEIGHTS.environment / "bin/python"
    python.parent.mkdir(exist_ok=True)
    python.write_text(f"#!/bin/bash\n{text}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)


def test_a_job_waits_until_its_weights_are_there(clone: Clone, job: Job) -> None:
    """Nothing is claimed and nothing submitted; the step says what is missing and how large it is."""
    report = sync(clone.context(), plan(job))
    (step,) = report.steps
    assert (step.action, step.reason) == (Action.WAIT, "weights-missing")
    assert "team/tiny, 16.1 GB" in step.detail
    assert (report.exit_code, clone.world.live()) == (0, [])
    assert awaited(plan(job), report.steps) == [WEIGHTS]


def test_a_job_whose_weights_are_there_is_submitted(clone: Clone, job: Job) -> None:
    """It reads the very cache that was looked at, whatever the node's own environment says."""
    context = clone.context()
    downloaded(context)
    assert [step.action for step in sync(context, plan(job)).steps] == [Action.SUBMIT]
    facts = attempt_facts(context.run_dir(job.name, 1))
    assert facts["variables"] == {"HF_HUB_CACHE": str(hub_cache(context))}


def test_a_dry_run_says_what_would_be_downloaded(clone: Clone, job: Job) -> None:
    """Model and size."""
    (step,) = sync(clone.context(), plan(job), dry_run=True).steps
    assert (step.reason, "team/tiny, 16.1 GB" in step.detail) == ("weights-missing", True)


def test_status_says_that_an_eval_waits_for_its_weights(clone: Clone, job: Job) -> None:
    """And, when the download failed, why."""
    context = clone.context()
    assert [line.reason for line in status(context, plan(job))[0]] == ["weights-missing"]
    write_note(context, '{"failed": "gated-model", "detail": "ask for it at hub"}')
    (line,) = status(context, plan(job))[0]
    assert (line.state, line.reason) == ("stop", "download-failed")
    assert "team/tiny: gated-model: ask for it at hub" in line.detail


def test_a_cache_may_be_named_with_a_slash_at_its_end(clone: Clone) -> None:
    """A job writes down what .env says, to the letter."""
    context = clone.context()
    downloaded(context, cache=f"{hub_cache(context)}/")
    assert lacking(context, WEIGHTS) == ("", "")


@pytest.mark.parametrize(
    "harm",
    [
        "gone",
        "cut",
        "other-cache",
        "garbage",
        "nothing",
        "a list",
        "sizes",
        "deep",
        "reason",
        "no name",
        "pipe",
        "link",
    ],
)
def test_what_is_not_wholly_there_is_missing(clone: Clone, harm: str) -> None:
    """A cache that was cleared, a file that was cut, a note about another place, a note that cannot be read."""
    context = clone.context()
    folder = downloaded(context)
    assert lacking(context, WEIGHTS) == ("", "")
    if harm == "gone":
        (folder / "model.safetensors").unlink()
    elif harm == "cut":
        (folder / "model.safetensors").write_bytes(b"weig")
    elif harm == "other-cache":
        context = clone.context(environment={"HUGGINGFACE_CACHE": "/bulk/other"})
    elif harm in ("pipe", "link"):
        note = note_of(context, WEIGHTS)
        text = note.read_text()
        note.unlink()
        elsewhere = note.with_name("elsewhere")
        elsewhere.write_text(text)
        note.symlink_to(elsewhere) if harm == "link" else os.mkfifo(note)
    else:
        whole = json.loads(note_of(context, WEIGHTS).read_text())
        sizes = json.dumps({**whole, "files": {name: str(size) for name, size in whole["files"].items()}})
        reason = json.dumps({**whole, "failed": 7})
        harms = {
            "garbage": "\0",
            "nothing": '{"files": {}}',
            "a list": "[]",
            "sizes": sizes,
            "deep": "[" * 99_999,
            "reason": reason,
            "no name": json.dumps({**whole, "files": {"a\0b": 1}}),
        }
        write_note(context, harms[harm])
    assert lacking(context, WEIGHTS)[0] == "weights-missing"


@pytest.mark.parametrize(
    ("named", "cache"),
    [
        ({}, "{home}/caches/huggingface/hub"), ({"HF_HOME": "/h"}, "/h/hub"), ({"HUGGINGFACE_HUB_CACHE": "/u"}, "/u"),
        ({"HF_HOME": "/h", "HUGGINGFACE_CACHE": "/c"}, "/c"), ({"HUGGINGFACE_CACHE": "/c", "HF_HUB_CACHE": "/x"}, "/x"),
    ],
)  # fmt: skip
def test_the_cache_is_the_one_that_jobs_use(clone: Clone, named: dict[str, str], cache: str) -> None:
    """The lab's HUGGINGFACE_CACHE is the Hub's cache itself; what nothing names lies under EVALCTL_HOME."""
    context = clone.context(environment=named)
    assert cache.format(home=context.home) == str(hub_cache(context))


def test_a_failed_download_blocks_only_the_evals_of_its_model(clone: Clone, job: Job) -> None:
    """The other model's job is submitted; the exit code says that a person is needed."""
    other = make_job(make_eval("capitals", model="team/other"), stem="other")
    clone.add_script(other)
    git(clone.root, "push", "-q")
    context = clone.context()
    write_note(context, '{"failed": "gated-model", "detail": "ask for it"}')
    report = sync(context, plan(job, other))
    assert {job.name: "download-failed", other.name: "never-submitted"} == {s.job: s.reason for s in report.steps}
    assert (report.exit_code, len(clone.world.live())) == (PERSON, 1)
    assert is_refused(context, WEIGHTS)


def test_a_hub_that_does_not_answer_is_asked_again_later(clone: Clone, job: Job) -> None:
    """Exit 4, and the weights are still wanted."""
    write_note(clone.context(), '{"failed": "hub-unreachable", "detail": "hub does not answer"}')
    report = sync(clone.context(), plan(job))
    assert (report.steps[0].reason, report.exit_code) == ("hub-unreachable", LATER)
    assert awaited(plan(job), report.steps) == [WEIGHTS]


def test_the_program_gets_model_note_cache_and_no_key_but_the_hubs(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress comes back in numbers; keys of others stay out of it, those that the shell has exported as well."""
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    environment = {"HF_TOKEN": "hub-token", "OPENAI_API_KEY": "a key", "HUGGINGFACE_CACHE": "/bulk/hub"}
    context = clone.context(environment=environment)
    program(clone, 'printf "%s\\n" "$@" "$HF_TOKEN" "$HF_HUB_CACHE" "${OPENAI_API_KEY-none}" >"$0.call"\n'
                   'printf "noise\\nprogress\\t1\\t2\\t30\\t40\\ndone\\n"')  # fmt: skip
    told: list[list[int]] = []
    fetch(context, WEIGHTS, lambda numbers: told.append(list(numbers)))
    assert told == [[1, 2, 30, 40]]
    call = (context.environments / WEIGHTS.environment / "bin/python.call").read_text().splitlines()
    note = str(note_of(context, WEIGHTS))
    words = ["-m", "evalctl_job.download", "--model", "team/tiny", "--revision", "a" * 40, "--note", note]
    assert [*words, "hub-token", "/bulk/hub", "none"] == call


def test_a_program_that_ends_without_a_word_has_failed(clone: Clone) -> None:
    """Its last line is the reason, so that nobody waits for nothing."""
    program(clone, "echo No module named evalctl_job.download; exit 1")
    fetch(clone.context(), WEIGHTS, lambda _: None)
    reason, detail = lacking(clone.context(), WEIGHTS)
    assert (reason, "No module named evalctl_job.download" in detail) == ("download-failed", True)


def test_the_pass_before_the_download_and_the_one_after_are_told_as_one(clone: Clone, job: Job) -> None:
    """What the first submitted is not told as merely queued."""
    other = make_job(make_eval("capitals", model="team/other"), stem="other")
    clone.add_script(other)
    git(clone.root, "push", "-q")
    context = clone.context()
    first = sync(context, plan(job, other))
    downloaded(context)
    report = joined(first, sync(context, plan(job, other)))
    assert [step.action for step in report.steps] == [Action.SUBMIT, Action.SUBMIT]


# ---- where a login node must not download: a job does ---------------------------------------------------------------

DOWNLOAD = Download(
    "ev-download-01234567", "manifests/requests/one.yaml", "site", "gpu_1",
    Batch("ev-download-01234567", 1200, 0, None, (), 60), WEIGHTS, Site("slurm", "", (), (), ()),
)  # fmt: skip


@pytest.fixture
def by_job(clone: Clone, job: Job) -> list[RequestPlan]:
    """The plan of a request whose model a job downloads."""
    clone.add_script(DOWNLOAD)
    git(clone.root, "push", "-q")
    return [RequestPlan(job.request, (job,), (DOWNLOAD,))]


def ended(clone: Clone, status: int, reason: str = "", number: int = 1) -> None:
    """The download job started and ended."""
    run_dir = clone.context().run_dir(DOWNLOAD.name, number)
    mark(run_dir, "started", {"started_at": 1, "host": "node1"})
    mark(run_dir, "finished", {"exit": status, "reason": reason})
    clone.world.vanish()


def test_a_download_job_comes_first_and_the_evals_follow(clone: Clone, job: Job, by_job: list[RequestPlan]) -> None:
    """One submission each: the download, and after its end the job that waited for it."""
    report = sync(clone.context(), by_job)
    assert {step.job: step.action for step in report.steps} == {DOWNLOAD.name: Action.SUBMIT, job.name: Action.WAIT}
    assert awaited(by_job, report.steps) == []
    waiting = sync(clone.context(), by_job)
    assert {step.job: step.reason for step in waiting.steps} == {DOWNLOAD.name: "queued", job.name: "weights-missing"}
    assert f"{DOWNLOAD.name}: queued" in waiting.steps[1].detail
    downloaded(clone.context())
    ended(clone, 0)
    after = sync(clone.context(), by_job)
    assert [(step.job, step.action) for step in after.steps] == [(job.name, Action.SUBMIT)]
    assert [attempt.outcome for attempt in records(clone).attempts] == ["collected"]
    assert len(clone.world.live()) == 1


def test_a_download_job_knows_its_cache_and_its_note(clone: Clone, by_job: list[RequestPlan]) -> None:
    """Both are those that sync looks at; what an earlier try said is gone."""
    context = clone.context()
    write_note(context, '{"failed": "hub-unreachable"}')
    sync(context, by_job)
    run_dir = context.run_dir(DOWNLOAD.name, 1)
    facts = attempt_facts(run_dir)
    assert facts["note"] == str(note_of(context, WEIGHTS))
    assert facts["variables"] == {"HF_HUB_CACHE": str(hub_cache(context))}
    assert not note_of(context, WEIGHTS).exists()


def test_two_people_submit_one_download(
    clone: Clone, new_clone: Callable[..., Clone], by_job: list[RequestPlan]
) -> None:
    """The claim is in the ledger, as that of any job."""
    other = new_clone("bob", "bob")
    sync(clone.context(), by_job)
    report = sync(other.context(), by_job)
    assert report.steps[0].reason == "claimed-by-other"
    assert len(clone.world.live()) == 1


def test_a_download_job_that_needs_a_person_stops_until_retry(
    clone: Clone, job: Job, by_job: list[RequestPlan]
) -> None:
    """A gated model is not asked for again and again; `evalctl retry` of the request lets it run anew."""
    sync(clone.context(), by_job)
    write_note(clone.context(), '{"failed": "gated-model", "detail": "ask for it"}')
    ended(clone, 3, "gated-model")
    report = sync(clone.context(), by_job)
    assert {step.job: step.reason for step in report.steps} == {
        DOWNLOAD.name: "gated-model",
        job.name: "download-failed",
    }
    assert (report.exit_code, clone.world.live()) == (PERSON, [])
    told = retry(clone.context(), by_job, [job])
    assert {one.job: one.done for one in told} == {job.name: False, DOWNLOAD.name: True}
    assert sync(clone.context(), by_job).steps[0].action is Action.SUBMIT


@pytest.mark.parametrize("reason", ["timeout", "hub-unreachable"])
def test_a_download_job_that_was_cut_off_goes_on(clone: Clone, by_job: list[RequestPlan], reason: str) -> None:
    """The next attempt is submitted in the pass that closes the first."""
    sync(clone.context(), by_job)
    ended(clone, 3, reason)
    report = sync(clone.context(), by_job)
    assert (report.steps[0].action, report.steps[0].reason) == (Action.SUBMIT, "retry")
    assert [attempt.outcome for attempt in records(clone).attempts] == [f"failed:{reason}", ""]


def test_files_that_only_the_node_sees_are_not_downloaded_for_ever(clone: Clone, by_job: list[RequestPlan]) -> None:
    """A cache on the node's own disk: a few tries, since a file system may be slow to show them, and then a person."""
    sync(clone.context(), by_job)
    for number in range(1, 5):
        ended(clone, 0, number=number)
        report = sync(clone.context(), by_job)
    assert (report.steps[0].action, report.steps[0].reason) == (Action.STOP, "attempts-exhausted")
    assert "weights-unseen" in report.steps[0].detail and "HF_HUB_CACHE" in report.steps[0].detail
    assert (report.exit_code, clone.world.live()) == (PERSON, [])
    downloaded(clone.context())
    assert [step.action for step in sync(clone.context(), by_job).steps] == [Action.SUBMIT]


def test_a_cancelled_download_stays_cancelled(clone: Clone, job: Job, by_job: list[RequestPlan]) -> None:
    """`evalctl cancel` of the request ends it with the request's jobs."""
    sync(clone.context(), by_job)
    told = cancel(clone.context(), by_job, [job])
    assert {one.job: one.what for one in told} == {DOWNLOAD.name: "ended before it started", job.name: "nothing runs"}
    assert sync(clone.context(), by_job).steps[0].reason == "cancelled"
    assert clone.world.live() == []


def test_a_download_that_another_request_waits_for_is_not_cancelled(
    clone: Clone, job: Job, by_job: list[RequestPlan]
) -> None:
    """Whichever of the two it was submitted for; it ends when both are cancelled."""
    other = replace(make_job(make_eval("capitals"), stem="two"), weights=WEIGHTS)
    other = replace(other, request="manifests/requests/two.yaml")
    clone.add_script(other)
    git(clone.root, "push", "-q")
    both = [*by_job, RequestPlan(other.request, (other,), (replace(DOWNLOAD, request=other.request),))]
    clone.add_script(both[1].downloads[0])
    git(clone.root, "push", "-q")
    sync(clone.context(), both)
    for one in (job, other):
        assert DOWNLOAD.name not in [told.job for told in cancel(clone.context(), both, [one])]
    assert DOWNLOAD.name in [told.job for told in cancel(clone.context(), both, [job, other])]


def test_no_download_is_submitted_for_what_is_there_or_measured(clone: Clone, by_job: list[RequestPlan]) -> None:
    """Weights that are in the cache need no job."""
    downloaded(clone.context())
    assert [step.job for step in sync(clone.context(), by_job).steps] == [by_job[0].jobs[0].name]


def records(clone: Clone) -> JobRecord:
    """The download's record in the ledger."""
    return Ledger(open_repository(clone.root)).read().of(DOWNLOAD.name)
