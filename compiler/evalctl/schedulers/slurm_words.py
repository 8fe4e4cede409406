"""The meaning of Slurm's words: every job state, every reason of a pending job, and sbatch's messages when it did not submit.

Closed lists. States and reasons are those of `squeue`'s manual and of job_state_reason.c (22.05 and the master branch
of 2026); a test enumerates them. A word on no list is never treated as an end or as a refusal.
"""

from __future__ import annotations

import re

from evalctl.model.run import State

STATES: dict[str, State] = {
    **dict.fromkeys(
        ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE",
         "OUT_OF_MEMORY", "LAUNCH_FAILED"),
        State.ENDED,
    ),
    **dict.fromkeys(
        ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "RECONFIG_FAIL", "POWER_UP_NODE", "EXPEDITING"),
        State.QUEUED,
    ),
    **dict.fromkeys(
        ("RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT", "UPDATE_DB"), State.RUNNING
    ),
    **dict.fromkeys(("REQUEUE_HOLD", "RESV_DEL_HOLD"), State.HELD),
    "COMPLETING": State.ENDING,
    "SPECIAL_EXIT": State.STUCK,
    # Another cluster of the federation has the job: it has not ended, and this cluster does not know when it will.
    "REVOKED": State.HELD,
}  # fmt: skip

HELD = frozenset({"JobHeldUser", "JobHeldAdmin", "ReservationDeleted"})


def _per_tres(*forms: str) -> set[str]:
    resources = ("Unknown", "Cpu", "Mem", "Memory", "Node", "Energy", "GRES", "License", "BB", "Billing")
    return {form.replace("*", resource) for form in forms for resource in resources}


# The job asks for more, or less, than it may ever have: it will never start.
NEVER = frozenset(
    {
        "BadConstraints", "Constraints", "DependencyNeverSatisfied", "InvalidAccount", "InvalidQOS", "AccountNotAllowed",
        "QOSNotAllowed", "PartitionNodeLimit", "PartitionTimeLimit", "PartitionConfig", "AccountingPolicy",
        "JobHoldMaxRequeue", "MaxMemPerLimit", "ReservationInvalid", "BurstBufferOperation", "DeadLine", "SystemFailure",
        "JobLaunchFailure", "OutOfMemory", "QOSMinCpuNotSatisfied", "AssocMaxWallDurationPerJobLimit",
        "QOSMaxWallDurationPerJobLimit", "RequeueExitHold", "AssociationTimeLimit", "QOSTimeLimit",
        *_per_tres(
            "AssocMax*PerJob", "AssocMax*PerJobLimit", "AssocMax*PerNode", "AssocMax*MinutesPerJob",
            "AssocMax*MinutesPerJobLimit", "QOSMax*PerJob", "QOSMax*PerJobLimit", "QOSMax*PerNode",
            "QOSMax*MinutesPerJob", "QOSMax*MinutesPerJobLimit", "QOSMin*",
        ),
    }
)  # fmt: skip

# Other jobs have the resources, the partition is down, a budget is used up until it is renewed, …: the job may start later.
WAITS = frozenset(
    {
        "", "None", "Prolog", "Priority", "Dependency", "Resources", "PartitionDown", "PartitionInactive", "BeginTime",
        "Licenses", "AssociationJobLimit", "AssociationResourceLimit", "Reservation", "ReqNodeNotAvail", "FrontEndDown",
        "SchedDefer", "NodeDown", "QOSUsageThreshold", "QOSJobLimit", "QOSResourceLimit", "Cleaning", "JobArrayTaskLimit",
        "BurstBufferResources", "BurstBufferStageIn", "PowerNotAvail", "PowerReserved", "FedJobLock", "MaxJobsPerAccount",
        "MaxSubmitJobsPerAccount", "QOSGrpJobsLimit", "QOSGrpSubmitJobsLimit", "QOSGrpWallLimit", "QOSMaxJobsPerUserLimit",
        "QOSMaxSubmitJobPerUserLimit", "AssocGrpJobsLimit", "AssocGrpSubmitJobsLimit", "AssocGrpWallLimit",
        "AssocMaxJobsLimit", "AssocMaxSubmitJobLimit", "QOSGrpCPUMinutesLimit", "QOSGrpCPURunMinutesLimit",
        "AssocGrpCPUMinutesLimit", "AssocGrpCPURunMinutesLimit", "RequeueExit",
        # Reasons of an earlier run: a requeued job keeps them for a moment.
        "NonZeroExitCode", "RaisedSignal", "TimeLimit", "InactiveLimit",
        *_per_tres(
            "AssocGrp*", "AssocGrp*Limit", "AssocGrp*Minutes", "AssocGrp*RunMinutes", "QOSGrp*", "QOSGrp*Limit",
            "QOSGrp*Minutes", "QOSGrp*RunMinutes", "QOSMax*PerUser", "QOSMax*PerUserLimit", "Max*PerAccount",
        ),
    }
)  # fmt: skip


def state_of(word: str, reason: str) -> State | None:
    """The meaning of a state with its reason; None for an unknown state."""
    state = STATES.get(word)
    if word != "PENDING":
        return state
    key = re.split(r"[,(\s]", reason.strip(), maxsplit=1)[0]
    if key in HELD:
        return State.HELD
    # `launch failed requeued held`, `user env retrieval failed requeued held`, `… requeued in held state`: slurmctld
    # writes sentences there too, some with `_` for blanks.
    held = re.search(r"(^|[ _])(held|hold)([ _]|$)", reason, re.IGNORECASE) is not None
    return State.STUCK if key in NEVER or held else state


# ---- messages of sbatch ------------------------------------------------------------------------------------------------

_REFUSED = (
    "Access/permission denied", "Batch job submission failed: Invalid job credential",
    "Burst Buffer permission denied", "Burst Buffer request invalid", "Duplicate generic resource \\(gres\\) specification",
    "Invalid Trackable RESource \\(TRES\\) specification", "Invalid account or account/partition combination specified",
    "Invalid cluster feature specification", "Invalid core specification", "Invalid deadline time", "Invalid feature specification",
    "Invalid generic resource \\(gres\\) specification", "Invalid group id", "Invalid job array specification",
    "Invalid license specification", "Invalid memory specification", "Invalid node count", "Invalid node name specified",
    "Invalid partition name specified", "Invalid qos specification", "Invalid user id", "Invalid wckey specification",
    "Job dependency problem", "Job script not specified", "Memory required by task is not available",
    "More processors requested than permitted", "Node count specification invalid", "Pathname of a file, directory or other parameter too long",
    "Requested node configuration is not available", "Requested reservation is invalid",
    "Requested time limit is invalid \\(missing or exceeds some limit\\)", "Requested partition configuration not available now",
    "User's group not permitted to use this partition", "Unable to submit batch job; exceeds .*",
)  # fmt: skip
REFUSED = re.compile(
    r"^(?:sbatch: )?(?:error: )?(?:Batch job submission failed: (?:" + "|".join(_REFUSED) + r")"
    r"|(?:unrecognized|invalid) option .*|option .* requires an argument.*"
    r"|Invalid .* specification.*|Invalid numeric value .*|This does not look like a batch script\..*"
    r"|Unable to open file .*|Batch script (?:is empty|contains DOS line breaks).*)$",
    re.MULTILINE,
)
_POLICY = r"^(?:sbatch: )?(?:error: )?(?:Batch job submission failed: )?Job violates accounting/QOS policy"
_NEVER_WORDS = "|".join(sorted(re.escape(word) for word in NEVER))
# After the policy's refusal sbatch prints the limit that was exceeded, if the server is new enough to name it.
REFUSED_BY_POLICY = re.compile(rf"^(?:sbatch: )?error: (?:{_NEVER_WORDS})$", re.MULTILINE)
POLICY = re.compile(_POLICY, re.MULTILINE)
LIMITED = re.compile(
    _POLICY + r"|^(?:sbatch: )?(?:error: )?(?:Batch job submission failed: )?(?:"
    r"Slurm backup controller in standby mode|Unable to create job record, try again|Resource temporarily unavailable"
    r"|Slurm temporarily unable to accept job|Required partition not available \(inactive or drain\)"
    r"|Burst Buffer resource limit exceeded|Reached per-user job limit.*)",
    re.MULTILINE,
)
