"""The closed lists of schedulers' words: every documented state and reason is classified, nothing else is believed."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from evalctl.model.run import State
from evalctl.schedulers import SCHEDULERS, Unreadable, slurm_words
from evalctl.shell import Reply
from evalctl.surroundings import Program

# `squeue`'s manual, 22.05 and 25.11.
STATES = [
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "CONFIGURING",
    "COMPLETING",
    "DEADLINE",
    "EXPEDITING",
    "FAILED",
    "LAUNCH_FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PENDING",
    "POWER_UP_NODE",
    "PREEMPTED",
    "RECONFIG_FAIL",
    "RUNNING",
    "RESV_DEL_HOLD",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "REQUEUED",
    "RESIZING",
    "REVOKED",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
    "TIMEOUT",
    "UPDATE_DB",
]
ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "LAUNCH_FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "TIMEOUT",
}
# job_state_reason.c of the master branch of 2026: resources of limits by kind of limit, then the others.
_TRES = ["Cpu", "GRES", "Node", "Energy", "License", "BB", "Billing", "Unknown"]
REASONS = {
    "None", "Prolog", "Priority", "Dependency", "Resources", "PartitionNodeLimit", "PartitionTimeLimit", "PartitionDown",
    "PartitionInactive", "JobHeldAdmin", "JobHeldUser", "BeginTime", "Licenses", "AssociationJobLimit",
    "AssociationResourceLimit", "AssociationTimeLimit", "Reservation", "ReqNodeNotAvail", "FrontEndDown", "SchedDefer",
    "NodeDown", "BadConstraints", "SystemFailure", "JobLaunchFailure", "NonZeroExitCode", "RaisedSignal", "TimeLimit",
    "InactiveLimit", "InvalidAccount", "InvalidQOS", "QOSUsageThreshold", "QOSJobLimit", "QOSResourceLimit", "QOSTimeLimit",
    "Cleaning", "QOSNotAllowed", "AccountNotAllowed", "DependencyNeverSatisfied", "QOSGrpCpuLimit", "QOSGrpCPUMinutesLimit",
    "QOSGrpCPURunMinutesLimit", "QOSGrpJobsLimit", "QOSGrpMemLimit", "QOSGrpNodeLimit", "QOSGrpSubmitJobsLimit",
    "QOSGrpWallLimit", "QOSMaxCpuPerJobLimit", "QOSMaxCpuMinutesPerJobLimit", "QOSMaxNodePerJobLimit",
    "QOSMaxWallDurationPerJobLimit", "QOSMaxCpuPerUserLimit", "QOSMaxJobsPerUserLimit", "QOSMaxNodePerUserLimit",
    "QOSMaxSubmitJobPerUserLimit", "QOSMinCpuNotSatisfied", "AssocGrpCpuLimit", "AssocGrpCPUMinutesLimit",
    "AssocGrpCPURunMinutesLimit", "AssocGrpJobsLimit", "AssocGrpMemLimit", "AssocGrpNodeLimit", "AssocGrpSubmitJobsLimit",
    "AssocGrpWallLimit", "AssocMaxJobsLimit", "AssocMaxCpuPerJobLimit", "AssocMaxCpuMinutesPerJobLimit",
    "AssocMaxNodePerJobLimit", "AssocMaxWallDurationPerJobLimit", "AssocMaxSubmitJobLimit", "JobHoldMaxRequeue",
    "JobArrayTaskLimit", "BurstBufferResources", "BurstBufferStageIn", "BurstBufferOperation", "PowerNotAvail",
    "PowerReserved", "AssocMaxCpuPerNode", "AssocGrpMemMinutes", "AssocGrpMemRunMinutes", "AssocMaxMemPerJob",
    "AssocMaxMemPerNode", "AssocMaxMemMinutesPerJob", "QOSMaxCpuPerNode", "QOSGrpMemoryMinutes", "QOSGrpMemoryRunMinutes",
    "QOSMaxMemoryPerJob", "QOSMaxMemoryPerNode", "QOSMaxMemoryPerUser", "QOSMaxMemoryMinutesPerJob", "QOSMinMemory",
    "DeadLine", "MaxMemoryPerAccount", "MaxJobsPerAccount", "MaxSubmitJobsPerAccount", "PartitionConfig",
    "AccountingPolicy", "FedJobLock", "OutOfMemory", "MaxMemPerLimit", "ReservationDeleted", "ReservationInvalid",
    "Constraints",
    *(f"Max{one}PerAccount" for one in _TRES),
    *(f"{kind}Grp{one}{form}" for kind in ("Assoc", "QOS") for one in _TRES[1:] for form in ("", "Minutes", "RunMinutes")),
    *(f"{kind}Max{one}{form}" for kind in ("Assoc", "QOS") for one in _TRES[1:]
      for form in ("PerJob", "PerNode", "MinutesPerJob")),
    *(f"QOSMax{one}PerUser" for one in _TRES[1:]), *(f"QOSMin{one}" for one in _TRES[1:]),
}  # fmt: skip
HELD = {"JobHeldUser", "JobHeldAdmin", "ReservationDeleted"}


def pending(reason: str) -> State:
    """What a pending job with this reason is taken for."""
    return SCHEDULERS["slurm"].sightings(Reply(0, f"4|PENDING|{reason}|ev-x|4\n", ""))[0].state


@pytest.mark.parametrize("word", STATES)
def test_every_state_of_slurm_is_known(word: str) -> None:
    """An end is an end, and nothing else is one."""
    state = slurm_words.state_of(word, "None")
    assert (state is State.ENDED) == (word in ENDED)
    assert state is not None


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_every_reason_of_slurm_is_classified(reason: str) -> None:
    """It waits, or a person is needed; exactly one of the lists has it."""
    assert [reason in words for words in (slurm_words.HELD, slurm_words.NEVER, slurm_words.WAITS)].count(True) == 1


@pytest.mark.parametrize(
    "reason", ["JobHoldMaxRequeue", "QOSMaxWallDurationPerJobLimit", "AssocMaxGRESPerJob", "PartitionTimeLimit", "BadConstraints",
               "launch failed requeued held", "launch_failed_requeued_held", "user env retrieval failed requeued held",
               "job requeued in held state", "Requeued in special exit state held", "QOSMinGRES", "DependencyNeverSatisfied"],
)  # fmt: skip
def test_what_never_passes_needs_a_person(reason: str) -> None:
    """It is not waited for silently."""
    assert pending(reason) is State.STUCK


@pytest.mark.parametrize(
    "reason", ["Priority", "ReqNodeNotAvail, UnavailableNodes:n[1-9]", "ReqNodeNotAvail(Unavailable:n1)", "QOSGrpGRES",
               "QOSMaxJobsPerUserLimit", "AssocGrpGRESMinutes", "Nodes required for job are DOWN, DRAINED or reserved", "Reservation"],
)  # fmt: skip
def test_what_may_pass_is_waited_for(reason: str) -> None:
    """Others have the resources, or a node is down."""
    assert pending(reason) is State.QUEUED


@pytest.mark.slurm
def test_the_installed_slurm_knows_no_other_reason() -> None:
    """What the library prints is classified: names of limits are those of the list."""
    library = "/usr/lib/x86_64-linux-gnu/slurm-wlm/libslurmfull.so"
    if shutil.which("strings") is None or shutil.which("squeue") is None:
        pytest.skip("no Slurm from Debian's packages here")
    said = subprocess.run(["strings", library], capture_output=True, text=True, check=True).stdout.split()
    limits = {
        word for word in said if re.fullmatch(r"(Assoc|QOS)(Grp|Max|Min)\w+|Job(Held|Hold)\w+|Max\w+PerAccount", word)
    }
    assert len(limits) > 100
    assert limits - slurm_words.HELD - slurm_words.NEVER - slurm_words.WAITS == set()


# `qstat`'s manual: d(eletion), E(rror), h(old), r(unning), R(estarted), s(uspended), S(ubordinate), t(ransferring),
# T(hreshold), w(aiting), with q where it is queued.
@pytest.mark.parametrize(
    ("letters", "state"),
    [("qw", "queued"), ("hqw", "held"), ("hRwq", "held"), ("t", "running"), ("r", "running"), ("Rr", "running"), ("Rt", "running"),
     ("s", "running"), ("S", "running"), ("T", "running"), ("Rs", "running"), ("ts", "running"), ("dr", "ending"),
     ("dt", "ending"), ("dRr", "ending"), ("Eqw", "stuck"), ("Ehqw", "stuck"), ("EhRqw", "stuck")],
)  # fmt: skip
def test_every_state_of_grid_engine_is_known(letters: str, state: str) -> None:
    """Letters pile up; none of them is an end, because an ended job is not listed."""
    head = (
        "job-ID  prior   name       user         state submit/start at     queue   slots ja-task-ID\n" + "-" * 60 + "\n"
    )
    row = f"      2 0.50000 ev-x       me           {letters:5} 11/26/2026 22:07:09  all.q  1\n       Full jobname:     ev-x-a1\n"
    assert SCHEDULERS["gridengine"].sightings(Reply(0, head + row, ""))[0].state.value == state


# `qstat`'s manual of OpenPBS 23.06, job states.
@pytest.mark.parametrize(
    ("letter", "comment", "state"),
    [("B", "", "running"), ("E", "", "ending"), ("F", "", "ended"), ("H", "Job held by me on Thu", "held"), ("M", "", "held"),
     ("Q", "Not Running: Insufficient amount of resource: ngpus", "queued"), ("Q", "Can Never Run: Insufficient amount", "stuck"),
     ("H", "job held, too many failed attempts to run", "stuck"), ("R", "", "running"), ("S", "", "running"), ("T", "", "queued"),
     ("U", "", "running"), ("W", "", "queued"), ("X", "", "ended")],
)  # fmt: skip
def test_every_state_of_pbs_is_known(letter: str, comment: str, state: str) -> None:
    """A job that was moved to another server (M) has not ended."""
    text = f"Job Id: 4.pbs\n    Job_Name = ev-x\n    job_state = {letter}\n    comment = {comment}\n\n"
    assert SCHEDULERS["pbs"].sightings(Reply(0, text, ""))[0].state.value == state


# pbs_error.h of OpenPBS 23.06, modulo 256: what the server has refused for good, and what may be taken later.
PBS_REFUSED = {
    3, 4, 5, 6, 7, 32, 40, 52, 62, 65, 68, 69, 71, 154, 155, 156, 157, 159, 160, 166, 170, 171, 172, 174, 175, 180, 181, 184,
    187, 188, 189, 194, 197, 200, 201, 206, 220, 228, 236, 240,
}  # fmt: skip
PBS_LATER = {13, 38, 39, 70, 104, 123, 158, 173, 179, 191, 192, 198, 212}
PBS_GONE = {0, 35, 153}


def test_every_status_of_pbs_is_refused_postponed_or_unclear() -> None:
    """By its number alone, in words that nobody knows; a job that is unknown or ended counts as cancelled."""
    pbs = SCHEDULERS["pbs"]
    replies = {status: Reply(status, "", "qsub: new words\n") for status in range(256)}
    assert {status for status, reply in replies.items() if pbs.refusal(reply)} == PBS_REFUSED
    assert {status for status, reply in replies.items() if pbs.postponed(reply)} == PBS_LATER
    assert {status for status, reply in replies.items() if pbs.cancelled(reply)} == PBS_GONE


@pytest.mark.parametrize(
    "words",
    ["Slurm backup controller in standby mode", "Unable to create job record, try again", "Resource temporarily unavailable",
     "Slurm temporarily unable to accept job, sleeping and retrying", "Required partition not available (inactive or drain)",
     "Burst Buffer resource limit exceeded", "Reached per-user job limit of 10",
     "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "sbatch: error: ", "sbatch: error: Batch job submission failed: "])
def test_what_slurm_may_take_later_is_waited_for(before: str, words: str) -> None:
    """A limit on jobs that are there, a partition that is closed for now: no refusal."""
    slurm = SCHEDULERS["slurm"]
    reply = Reply(1, "", f"{before}{words}\n")
    assert (slurm.refusal(reply), slurm.postponed(reply) is not None) == (None, True)


def test_a_job_of_pbs_is_what_its_first_lines_say() -> None:
    """A variable of the job may hold lines that look like attributes."""
    text = "Job Id: 4.pbs\n    Job_Name = ev-x\n    job_state = R\n    Variable_List = A=1\n    job_state = F\n    Job_Name = y\n\n"
    (found,) = SCHEDULERS["pbs"].sightings(Reply(0, text, ""))
    assert (found.name, found.state) == ("ev-x", State.RUNNING)


@pytest.mark.parametrize("before", ["", "Unable to read script file because of error: -\n"])
@pytest.mark.parametrize("who", ["user", "cluster"])
def test_a_limit_of_grid_engine_is_found_on_any_line_and_in_any_case(before: str, who: str) -> None:
    """It is waited for, and is no refusal, whatever qsub says in front of it."""
    ge = SCHEDULERS["gridengine"]
    reply = Reply(1, "", f"{before}Job Rejected: only 3 jobs are allowed per {who} (current job count: 3)\n")
    assert "only 3 jobs" in (ge.postponed(reply) or "")
    assert ge.refusal(reply) is None


PASSING = [
    ("gridengine", 1, "Unable to run job: denied: too many jobs in your group, try again later\nExiting.\n"),
    ("gridengine", 1, "Unable to run job: job rejected: the qmaster is in shutdown\n"),
    ("gridengine", 1, "qsub: denied: TSUBAME is under maintenance\n"),
    ("slurm", 1, "sbatch: error: Invalid feature specification: temporarily not offered\n"),
    ("pbs", 32, "qsub: Too many requests from your group at the moment\n"),
    ("pbs", 65, "qsub: the system is shutting down\n"),
]


@pytest.mark.parametrize(("name", "status", "said"), PASSING, ids=range(len(PASSING)))
def test_a_refusal_that_says_that_it_passes_is_waited_for(name: str, status: int, said: str) -> None:
    """A site's rule words it as it likes; a banner with such words beside a refusal for good changes nothing."""
    scheduler = SCHEDULERS[name]
    assert scheduler.postponed(Reply(status, "", said)) and scheduler.refusal(Reply(status, "", said)) is None
    for_good = {"gridengine": "Unable to run job: unknown resource \"x\"\n", "pbs": "qsub: illegal -l value\n",
                "slurm": "sbatch: error: Batch job submission failed: Invalid qos specification\n"}[name]  # fmt: skip
    banner = f"*** the system is under maintenance on Monday, try again later ***\n{for_good}"
    reply = Reply(2 if name == "pbs" else 1, "", banner)
    assert scheduler.refusal(reply) and scheduler.postponed(reply) is None


@pytest.mark.parametrize("status", [162, 163, 183, 185, 186, 255])
def test_a_status_of_pbs_that_leaves_it_open_is_neither(status: int) -> None:
    """Even with words that would decide: the server may have taken the job, or ended it."""
    pbs = SCHEDULERS["pbs"]
    assert pbs.refusal(Reply(status, "", "qsub: illegal -l value\n")) is None
    assert pbs.postponed(Reply(status, "", "qsub: would exceed the limit\n")) is None


@pytest.mark.parametrize("job", ["Job Id: 4.pbs\n    job_state = R\n\n", "x\n    Job_Name = a\n    job_state = R\n\n",
                                 "Job Id: 4.pbs\n    Job_Name = a\n    job_state = Z\n\n"])  # fmt: skip
def test_a_job_of_pbs_has_a_number_a_name_and_a_known_state(job: str) -> None:
    """Or the whole list is unreadable."""
    with pytest.raises(Unreadable):
        SCHEDULERS["pbs"].sightings(Reply(0, job, ""))


def test_what_is_no_job_of_pbs_is_shown_in_part() -> None:
    """Its first 80 characters."""
    with pytest.raises(Unreadable, match=f"^{'x' * 80} has no name or an unknown state R$"):
        SCHEDULERS["pbs"].sightings(Reply(0, f"{'x' * 81}\n    Job_Name = a\n    job_state = R\n\n", ""))


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "local"])
def test_a_job_is_not_cancelled_by_a_command_that_did_not_end(name: str) -> None:
    """Whatever its status."""
    assert not SCHEDULERS[name].cancelled(Reply(0, "", "", timed_out=True))


@pytest.mark.parametrize(("status", "gone"), [(0, True), (1, False), (7, False)])
@pytest.mark.parametrize("name", ["gridengine", "slurm"])
def test_only_a_status_of_zero_says_that_a_job_was_cancelled(name: str, status: int, gone: bool) -> None:
    """Where nothing is said of it."""
    assert SCHEDULERS[name].cancelled(Reply(status, "", "")) is gone


@pytest.mark.parametrize("line", ["x|RUNNING|None|ev-x|x\n", "4|RUNNING|None|4\n", "two\n", "4|RUNNING|None|ev-x|4\n\n5|", "4|RUNNING|None|ev-x\n",
     "4|RUNNING|None|ev-x|14\n", "4|RUNNING|None|ev-x|4 x\n", "4|RUNNING|None|ev-x|4\n5|RUNNING|None|ev-y\n"])  # fmt: skip
def test_a_job_of_slurm_has_five_fields_and_its_number_twice(line: str) -> None:
    """Or the whole list is unreadable."""
    with pytest.raises(Unreadable):
        SCHEDULERS["slurm"].sightings(Reply(0, line, ""))


@pytest.mark.parametrize("name", ["", " "])
def test_a_job_of_the_person_without_a_name_hides_no_other(name: str) -> None:
    """`sbatch --job-name="$UNSET"` is accepted by Slurm: the list is read all the same."""
    text = f"4|RUNNING|None|{name}|4\n5|RUNNING|None|ev-x|5\n"
    assert [one.name for one in SCHEDULERS["slurm"].sightings(Reply(0, text, ""))] == ["", "ev-x"]


@pytest.mark.parametrize(
    "name",
    [
        "two\nlines",
        "\n",
        "a\n\nb\n",
        "x\n5|RUNNING|None|ev-y|5",
        "x|4|",
        "|4",
        "CLUSTER: gpu\n",
        "x\r\ny",
        "x\nCLUSTER: b\n",
    ],
)
def test_a_name_with_line_ends_breaks_no_list_of_slurm(name: str) -> None:
    """A job's text ends with its own number, so that no part of a name is taken for another job."""
    text = f"4|RUNNING|None|{name}|4\n7|PENDING|Priority|ev-x|7\n"
    found = SCHEDULERS["slurm"].sightings(Reply(0, text, ""))
    assert [(one.native_id, one.name) for one in found] == [("4", name), ("7", "ev-x")]


def test_what_slurm_says_of_a_job_is_kept() -> None:
    """The state with its reason, if it has one; a name may hold the sign between the fields."""
    text = "4|RUNNING|None|ev|x|4\n5_1|PENDING|Priority|b|5_1\n6|RUNNING||c|6\n"
    first, second, third = SCHEDULERS["slurm"].sightings(Reply(0, text, ""))
    assert (first.name, first.native_id, first.detail) == ("ev|x", "4", "RUNNING")
    assert (second.name, second.native_id, second.detail) == ("b", "5_1", "PENDING Priority")
    assert third.detail == "RUNNING"


@pytest.mark.parametrize("reason", ["JobHeldUser, x, y", "JobHeldUser(x)(y)", " JobHeldUser x y"])
def test_the_first_word_of_a_reason_counts(reason: str) -> None:
    """What follows it are details."""
    assert slurm_words.state_of("PENDING", reason) is State.HELD
    assert slurm_words.state_of("COMPLETED", reason) is State.ENDED
    assert slurm_words.state_of("RUNNING", reason) is State.RUNNING


HEAD = "job-ID  prior   name       user         state submit/start at     queue   slots ja-task-ID\n" + "-" * 60 + "\n"
JOB = "      2 0.50000 ev-x       me           r     11/26/2026 22:07:09  all.q  1\n"
FULL = "       Full jobname:     ev-x-a1\n"


@pytest.mark.parametrize("letters", ["dEhqwrRtsSTPNx"])
def test_grid_engines_letters_may_all_be_there(letters: str) -> None:
    """The worst decides, and the letters are what a person sees."""
    text = HEAD + JOB.replace(" r     ", f" {letters} ") + FULL
    (found,) = SCHEDULERS["gridengine"].sightings(Reply(0, text, ""))
    assert (found.state, found.native_id, found.detail) == (State.STUCK, "2", letters)


def test_further_lines_of_a_job_of_grid_engine_are_skipped() -> None:
    """They are indented; before its full name and after it."""
    more = "       Master Queue:     all.q@node\n"
    (found,) = SCHEDULERS["gridengine"].sightings(Reply(0, HEAD + JOB + more + FULL + more + FULL, ""))
    assert (found.name, found.native_id) == ("ev-x-a1", "2")


@pytest.mark.parametrize(
    ("text", "why"),
    [("first\nsecond\n", "not a job list: first"), (HEAD, "not a job list: job-ID"), (HEAD + JOB, "job 2 has no full name"),
     (HEAD + JOB + JOB + FULL, "job 2 has no full name"), (HEAD + JOB.replace(" r ", " rZ ") + FULL, "unknown state rZ"),
     (HEAD + FULL.strip() + "\n", "unknown line"), (HEAD + JOB.replace(" 0.5", " -0.5") + FULL, "unknown line:       2 -0.5"),
     (HEAD + JOB.replace(" r  ", "    ") + FULL, "unknown line:       2 "),
     (HEAD + JOB + FULL + JOB.replace("2 0.5", "3 nan") + FULL, "unknown line:       3 nan")],
)  # fmt: skip
def test_what_grid_engine_does_not_say_so_is_unreadable(text: str, why: str) -> None:
    """The message has what was read."""
    with pytest.raises(Unreadable, match=why):
        SCHEDULERS["gridengine"].sightings(Reply(0, text, ""))


def test_what_slurm_does_not_say_so_is_unreadable() -> None:
    """The message has the first line that was not read, 200 characters of it at most."""
    text = f"4|RUNNING|None|ev-x|4\n{'x' * 201}\nlast\n"
    with pytest.raises(Unreadable, match=f"unknown line: {'x' * 200}$"):
        SCHEDULERS["slurm"].sightings(Reply(0, text, ""))


@pytest.mark.parametrize(
    "args", [("--clusters=gpu",), ("--cluster=gpu",), ("-Mgpu",), ("-M", "gpu"), ("--clusters", "gpu")]
)
def test_slurms_programs_name_the_cluster_of_the_submission(args: tuple[str, ...]) -> None:
    """Submitted there, listed there, cancelled there; an id that names its cluster is cancelled on that one."""
    slurm = SCHEDULERS["slurm"]
    site_args = ("--account=a", *args, "--qos=x")
    assert slurm.query("me", site_args).argv[1 : 1 + len(args)] == args
    assert slurm.cancel("4", site_args).argv == ("scancel", *args, "4")
    assert slurm.cancel("101;gpu", site_args).argv == ("scancel", "--clusters=gpu", "101")
    assert slurm.query("me").argv[1] == "--noheader"
    further = ("--account=a", "--exclusive", *args, "--qos=x", "--constraint=y", "--licenses=z")
    assert slurm.cancel("4", further).argv == ("scancel", *args, "4")


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "local"])
@pytest.mark.parametrize(
    "said",
    [
        "error: slurm_load_jobs error: Socket timed out",
        "Connection refused",
        "squeue: error: cluster b",
        "warning: cell b is down",
    ],
)
def test_an_empty_list_beside_a_complaint_is_silence(name: str, said: str) -> None:
    """What was not reached is missing in the list."""
    with pytest.raises(Unreadable):
        SCHEDULERS[name].sightings(Reply(0, "", said + "\n"))


def test_the_schedulers_environment_is_asked_for_by_no_other_part() -> None:
    """`local` is a program of this project with a list of its own."""
    assert SCHEDULERS["local"].query("me").program is not Program.SCHEDULER
