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
    return SCHEDULERS["slurm"].sightings(Reply(0, f"4|PENDING|{reason}|ev-x\n", ""))[0].state


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
