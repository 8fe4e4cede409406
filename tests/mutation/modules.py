"""The modules that decide, each with the tests that hold it: fast ones, so that thousands of runs are possible."""

from __future__ import annotations

from dataclasses import dataclass

_SOURCES = "compiler"


@dataclass(frozen=True)
class Module:
    """One module by its name, and its tests, as pytest takes them."""

    name: str
    tests: tuple[str, ...]
    starts: bool = False  # its tests start programs of a job environment

    @property
    def path(self) -> str:
        """Its file."""
        return f"{_SOURCES}/{self.name.replace('.', '/')}.py"


def _evalctl(name: str, *tests: str) -> Module:
    return Module(f"evalctl.{name}", tuple(f"tests/{test}" for test in tests))


def _job(name: str, *tests: str) -> Module:
    return Module(f"evalctl_job.{name}", tuple(f"tests/job/test_job_{test}.py" for test in tests))


# Those of the relay's tests with a real server that are quick, and together hold all of it.
_RELAY = (
    "test_job_relay.py::test_answers_come_through_and_are_counted",
    "test_job_relay.py::test_an_error_says_that_it_is_not_to_be_asked_again",
    "test_job_relay.py::test_models_and_health_are_told",
    "test_job_relay.py::test_patience_has_an_end",
    "test_job_relay.py::test_a_missing_key_is_said_before_anything_is_asked",
    "test_job_relay.py::test_an_address_that_is_none_is_said_before_anything_is_asked",
    "test_job_relay.py::test_the_key_is_added_and_stays_here",
    "test_job_relay.py::test_an_abort_fails_what_is_in_flight_at_once",
    "test_job_relay.py::test_requests_are_with_the_server_side_by_side",
    "test_job_relay.py::test_the_site_s_proxy_is_for_the_way_out_only",
    "test_job_relay.py::test_the_last_counts_are_on_disk_at_the_end",
    "test_job_relay.py::test_long_prompts_pass",
    "test_job_relay.py::test_the_relay_ends_with_the_process_that_started_it",
    "test_job_server_away.py::test_requests_wait_for_the_first_server",
)
_SCHEDULERS = ("schedulers/test_words.py", "schedulers/test_schedulers.py")
MODULES = {
    "decide": _evalctl("sync.decide", "sync/test_decide.py"),
    "reasons": _evalctl("sync.reasons", "sync/test_reasons.py", "sync/test_decide.py"),
    "identity": _evalctl("resolve.identity", "property/test_identity.py", "resolve/test_evals.py"),
    "placement": _evalctl("plan.placement", "plan/test_placement.py", "cards/test_families.py"),
    "cost": _evalctl("plan.cost", "plan/test_cost.py"),
    "aggregate": _evalctl("results.aggregate", "results/test_aggregate.py"),
    "quoting": _evalctl("render.quoting", "render/test_quoting.py"),
    "scheduler-common": _evalctl("schedulers.common", "schedulers/test_common.py", *_SCHEDULERS),
    "gridengine": _evalctl("schedulers.gridengine", *_SCHEDULERS),
    "pbs": _evalctl("schedulers.pbs", *_SCHEDULERS),
    "slurm": _evalctl("schedulers.slurm", *_SCHEDULERS),
    "slurm-words": _evalctl("schedulers.slurm_words", *_SCHEDULERS),
    "choices": _job("choices", "choices"),
    "replies": _job("replies", "replies"),
    "relay": Module("evalctl_job.relay", tuple(f"tests/job/{test}" for test in _RELAY), starts=True),
    "relay-options": _job("relay_options", "relay_options"),
    "answering": _job("answering", "answering"),
    "outcomes": _job("outcomes", "outcomes"),
    "forward": _job("forward", "forward"),
    "limits": _job("limits", "limits"),
    "admission": _job("admission", "admission"),
    "job-reasons": _job("reasons", "reasons"),
    "accept": _job("accept", "judgement"),
    "answers": _job("answers", "answers"),
    "counts": _job("counts", "counts"),
    "refusals": _job("refusals", "refusals"),
}
