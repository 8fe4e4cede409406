"""Every scheduler against recorded replies, one file per state, and against replies that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pytest

from evalctl.check.service_words import OPTIONS, SET
from evalctl.model.evaluation import Batch
from evalctl.model.service import Service
from evalctl.schedulers import SCHEDULERS, Unreadable
from evalctl.shell import EnvironmentProblem, Reply

REPLIES = Path(__file__).with_name("replies")
NAME = "ev-ab12-a-long-request-name-of-fifty-characters-0123abcd-a12"
BATCH = Batch("ev-first-0123abcd", 5400, 1, -4, ("-l node_q=1",), 120)


@dataclass(frozen=True)
class Recorded:
    """A reply with what it means: head lines, then both outputs."""

    backend: str
    kind: str
    reply: Reply
    expect: list[str]


def recorded(kind: str) -> Iterator[object]:
    """All recorded replies of one kind, as test parameters."""
    for path in sorted(REPLIES.glob("*/*.txt")):
        head, rest = path.read_text().split("\n--- stdout\n")
        stdout, stderr = rest.split("--- stderr\n")
        lines = [line.partition(": ")[::2] for line in head.splitlines() if not line.startswith("#")]
        fields = dict(lines)
        status = int(fields["status"])
        if fields["kind"] == kind:
            reply = Reply(status, stdout, stderr, timed_out=status == -1)
            expect = [value for name, value in lines if name == "expect"]
            one = Recorded(path.parent.name, kind, reply, expect)
            yield pytest.param(one, id=f"{path.parent.name}-{path.stem}")


@pytest.mark.parametrize("one", list(recorded("query")))
def test_a_listing_means_what_it_says(one: Recorded) -> None:
    """Whole names, native ids and states; an answer without jobs is an empty list, no answer is Unreadable."""
    scheduler = SCHEDULERS[one.backend]
    if one.expect == ["unreadable"]:
        with pytest.raises(Unreadable):
            scheduler.sightings(one.reply)
        return
    seen = [
        f"{sighting.native_id} {sighting.state.value} {sighting.name}" for sighting in scheduler.sightings(one.reply)
    ]
    assert sorted(seen) == sorted(line for line in one.expect if line != "none")


# First lines: of Grid Engine 8.1.9 and OpenPBS 23.06.06 seen here, of the others as their users print them; what OpenPBS says to
# `-help`, Slurm's Perl wrapper and a site's cached qstat among them.
VERSIONS = {
    "gridengine": [
        ("SGE 8.1.9\nusage: qstat [options]\n        [-ext]  view additional attributes\n", ""),
        ("UGE 8.6.1\nusage: qstat [options]\n", ""), ("GE 6.2u5\nusage: qstat [options]\n", ""),
        ("OGS/GE 2011.11p1\nusage: qstat [options]\n", ""), ("", "AGE 2023.1.1\nusage: qstat [options]\n"),
        ("AGE 2021.1.1\nUsage: qstat [-u USER]\n", ""), ("Altair Grid Engine 2021.1.1\n", ""),  # a build or wrapper of a site
    ],
    "pbs": [("pbs_version = 23.06.06\n", ""), ("pbs_version = 2022.1.1.20220926110806\n", "")],
    "slurm": [("slurm-wlm 22.05.8\n", ""), ("slurm 24.05.1\n", "")],
    "": [
        ("", ""), ("", "/opt/pbs/bin/qstat: invalid option -- 'h'\nusage: \nqstat [-f] [-J] [-p] [-t] [-x]\n"),
        ("Version: 6.1.3\nCommit: 0\n", ""), ("Usage:\n    qstat [-f] [-a|-i|-r] [job_id...]\n", ""), ("Unknown option: help\n", ""),
        ("Usage: qstat [OPTIONS] [JOBID1 JOBID2...|DESTINATION]\n", ""), ("my slurm 1\n", ""), ("no pbs_version = 1\n", ""),
    ],
}  # fmt: skip


def test_each_scheduler_is_in_each_table_of_words() -> None:
    """A service may name it, and a service's file is checked for its options."""
    named = get_args(Service.model_fields["scheduler"].annotation)
    assert set(SCHEDULERS) == set(named) == set(OPTIONS) == set(SET)


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "local"])
@pytest.mark.parametrize("whose", VERSIONS)
def test_a_scheduler_knows_its_own_programs(name: str, whose: str) -> None:
    """By what the program that lists jobs says of itself; a program of another scheduler, or of none, is not taken for it."""
    scheduler = SCHEDULERS[name]
    assert scheduler.VERSION.argv[0] == scheduler.query("me").argv[0]
    for stdout, stderr in VERSIONS[whose]:
        assert scheduler.recognises(Reply(1 if stderr else 0, stdout, stderr)) is (name == whose)


@pytest.mark.parametrize("one", list(recorded("submit")))
def test_a_submission_is_accepted_refused_or_unclear(one: Recorded) -> None:
    """Four outcomes; a scheduler that could not be reached has refused nothing (it may have the job after all)."""
    scheduler = SCHEDULERS[one.backend]
    name = next(iter(re.findall(r'"(.*)"', one.reply.stdout)), "")
    number, refused, later = (
        scheduler.native_id(one.reply, name), scheduler.refusal(one.reply), scheduler.postponed(one.reply),
    )  # fmt: skip
    outcome = f"id {number}" if number else "refused" if refused else "postponed" if later else "unclear"
    assert [outcome] == one.expect
    assert sum(map(bool, (number, refused, later))) <= 1


@pytest.mark.parametrize("one", list(recorded("cancel")))
def test_a_cancellation_worked_or_did_not(one: Recorded) -> None:
    """A job that is gone counts, a scheduler that is away does not."""
    assert one.expect == ["cancelled" if SCHEDULERS[one.backend].cancelled(one.reply) else "not cancelled"]


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(
    "reply",
    [
        Reply(-1, "", "", timed_out=True), Reply(1, "", ""), Reply(127, "", "command not found"), Reply(0, "", "warning: odd"),
        Reply(0, "<html>\n", ""), Reply(0, "{}\n", ""), Reply(0, "[1]\n", ""), Reply(0, "\x00\xff\n", ""), Reply(0, "1|\n", ""),
    ],
)  # fmt: skip
def test_garbage_and_silence_are_unreadable(name: str, reply: Reply) -> None:
    """None of it may be taken for an empty queue."""
    with pytest.raises(Unreadable):
        SCHEDULERS[name].sightings(reply)


@pytest.mark.parametrize("one", [one for one in recorded("query") if "several" in one.id])  # type: ignore[attr-defined]
def test_a_cut_listing_is_never_misread(one: Recorded) -> None:
    """Cut at any byte, a listing is unreadable or tells the truth about fewer jobs."""
    scheduler = SCHEDULERS[one.backend]
    truth = set(scheduler.sightings(one.reply))
    for end in range(1, len(one.reply.stdout)):
        try:
            seen = set(scheduler.sightings(Reply(0, one.reply.stdout[:end], "")))
        except Unreadable:
            continue
        assert seen <= truth


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_has_recorded_replies(name: str) -> None:
    """A new backend comes with its replies, or with a program of this project that the tests run."""
    assert name == "local" or {path.stem for path in (REPLIES / name).glob("*.txt")} >= {"none", "several", "down"}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_command_is_words_and_carries_the_attempt(name: str) -> None:
    """Name, output folder, time and the site's own words are on the command line; one variable is passed."""
    submit = SCHEDULERS[name].submit(
        "/r/job.sh",
        name=NAME,
        output_dir="/r/out",
        run_dir="/r/a1",
        walltime_seconds=3600,
        site_args=("-g", "tga-x"),
        gpus=("1",),
    )
    line = " ".join(submit.argv)
    assert submit.argv[-1] == "/r/job.sh"
    assert "-g tga-x" in line
    assert NAME in line
    assert "/r/out" in line
    assert "1:00:00" in line or "--walltime 3600" in line
    assert "EVALCTL_RUN_DIR=/r/a1" in line or submit.env == {"EVALCTL_RUN_DIR": "/r/a1"}


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "local"])
@pytest.mark.parametrize("folder", ["/a,b", "/a b", "relative", "/a'b", "/a\nb", "/a$b", "/a=b"])
def test_a_folder_that_cannot_be_passed_is_refused(name: str, folder: str) -> None:
    """`-v A=/x,B=y` would be two variables."""
    with pytest.raises(EnvironmentProblem):
        SCHEDULERS[name].submit("/job.sh", name="ev-x", output_dir="/out", run_dir=folder)


def test_pbs_is_given_ascii_output_folders_only() -> None:
    """qsub refuses any other as an "illegal -o value", after the claim has been published."""
    with pytest.raises(EnvironmentProblem, match="ASCII"):
        SCHEDULERS["pbs"].submit("/job.sh", name="ev-x", output_dir="/評価/out", run_dir="/r/a1")


def test_pbs_is_asked_for_the_jobs_of_one_user() -> None:
    """One odd variable of anybody's job makes the JSON of all jobs invalid; text is asked for, whole, and only ours."""
    assert SCHEDULERS["pbs"].query("evallab").argv == ("qstat", "-f", "-w", "-u", "evallab")


def test_slurm_is_asked_for_every_job_of_one_user() -> None:
    """Ended ones too, and those in partitions that the person may not see; the fields in the order in which they are read."""
    assert SCHEDULERS["slurm"].query("me").argv == (
        "squeue", "--noheader", "--all", "--states=all", "--user=me", "--format=%i|%T|%r|%j|%i"
    )  # fmt: skip


def test_grid_engine_is_asked_for_whole_names_of_one_user() -> None:
    """Plain qstat cuts them."""
    assert SCHEDULERS["gridengine"].query("me").argv == ("qstat", "-r", "-u", "me")


def test_a_percent_sign_of_a_folder_is_no_pattern_of_slurms() -> None:
    """`%j` of the path would become the job's number, and the log would be elsewhere."""
    submit = SCHEDULERS["slurm"].submit("/j.sh", name="ev-x", output_dir="/r/100%j", run_dir="/r/a1")
    assert "--output=/r/100%%j/%x.%j.out" in submit.argv


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("gridengine", ["#$ -S /bin/bash", "#$ -cwd", "#$ -N ev-first-0123abcd", "#$ -l node_q=1", "#$ -l h_rt=1:30:00",
                        "#$ -p -4", "#$ -j y", "#$ -r n"]),
        ("pbs", ["#PBS -N ev-first-0123abcd", "#PBS -l node_q=1", "#PBS -l walltime=1:30:00", "#PBS -p -4", "#PBS -j oe",
                 "#PBS -k oed", "#PBS -r n"]),
        ("slurm", ["#SBATCH --job-name=ev-first-0123abcd", "#SBATCH -l node_q=1", "#SBATCH --time=1:30:00",
                   "#SBATCH --gpus=1", "#SBATCH --nice=4", "#SBATCH --no-requeue", "#SBATCH --signal=B:TERM@120"]),
        ("local", ["# local queue: ev-first-0123abcd, 1 GPU(s), at most 1:30:00"]),
    ],
)  # fmt: skip
def test_directives_are_those_of_the_site(name: str, lines: list[str]) -> None:
    """As people write them there; no scheduler may start a job again by itself."""
    assert SCHEDULERS[name].directives(BATCH) == lines


@pytest.mark.parametrize(
    "given",
    ["--gres=gpu:h100:1", "--gpus=2", "-G 1", "-G2", "--gpus 2", "--gres gpu:1", "--gres=gpu", "--gres=shard:1,gpu:a100:2", "--gpus-per-node=4",
     "--gpus-per-task=1", "--nodes=1 --gres=gpu:h100:4", "-N 1 -G4"],
)  # fmt: skip
def test_slurm_keeps_the_gpus_of_the_service(given: str) -> None:
    """A node kind that asks for its GPUs itself is not asked twice, however it is written."""
    batch = Batch("ev-x", 60, 1, None, (given,), 10)
    assert [line for line in SCHEDULERS["slurm"].directives(batch) if "gpu" in line or "-G" in line] == [
        f"#SBATCH {given}"
    ]


@pytest.mark.parametrize(
    "given",
    ["--gres-flags=enforce-binding", "--cpus-per-gpu=8", "--mem-per-gpu=90G", "--gres=shard:1", "--gres=craynetwork:1", "-C gpu", "-p gpu",
     "--partition=gpu-G", "--exclude=node-G2", "--comment=gpus"],
)  # fmt: skip
def test_slurm_gets_the_gpus_that_no_directive_names(given: str) -> None:
    """A partition for GPUs, a flag about them or a share per GPU is no number of GPUs."""
    lines = SCHEDULERS["slurm"].directives(Batch("ev-x", 60, 2, None, (given,), 10))
    assert f"#SBATCH {given}" in lines and "#SBATCH --gpus=2" in lines
    assert not any(
        "--gpus" in line for line in SCHEDULERS["slurm"].directives(Batch("ev-x", 60, 0, None, (given,), 10))
    )
