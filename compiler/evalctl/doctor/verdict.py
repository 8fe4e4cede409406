"""Interprets the marks and sightings of a site test: findings with advice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evalctl.doctor.checks import bash, fence_of
from evalctl.doctor.finding import Finding, bad, good
from evalctl.doctor.site_test import CANARY, SiteTest, SiteTestObservation, facts, last_beat, output_of, refused
from evalctl.sync.context import Context
from evalctl_job.run_folder import ENDED, INSIDE, LOOKED, SIGNALS

_LATE_S = 15  # a kill within so many seconds of the limit is due to the limit: schedulers check times at intervals


def verdict(context: Context, site_test: SiteTest, observed: SiteTestObservation) -> list[Finding]:
    """All findings of the site test, in the order of a job's life."""
    if why := refused(context, observed):
        return [bad("submission", f"refused: {why}", f"see manifests/services/{context.service_name}.yaml")]
    found = [_submitted(observed), _names(site_test, observed)]
    if last_beat(site_test) is None:
        return [*found, _never_began(site_test, observed)]
    looked = list(facts(site_test, LOOKED))
    parts: tuple[Callable[[Context, SiteTest, list[tuple[str, str]]], Iterator[Finding]], ...] = (
        _node, _environment, _folders, _gpus, _compiler, _network, _fence,
    )  # fmt: skip
    began = good(
        "start", f"began after {observed.queued_seconds:.0f} s on {_value(looked, 'host')}; the run folder is there"
    )
    return [
        *found,
        began,
        _output(site_test),
        *(one for part in parts for one in part(context, site_test, looked)),
        _end(site_test),
    ]


def _submitted(observed: SiteTestObservation) -> Finding:
    if observed.native_id:
        return good("submission", f"accepted as job {observed.native_id}")
    return bad("submission", "the reply contained no job id", "jobs are found by name anyway; please report the reply")


def _names(site_test: SiteTest, observed: SiteTestObservation) -> Finding:
    cut = observed.other_names(site_test.name)
    if cut:
        return bad(
            "names",
            f"the list of jobs shortens names: `{cut[0]}`",
            "evalctl finds jobs by their whole names: it cannot be used here",
        )
    if observed.sightings:
        states = ", ".join(dict.fromkeys(one.state.value for one in observed.sightings))
        return good("names", f"{len(site_test.name)} characters are shown whole ({states})")
    return bad("names", f"the job was in none of {observed.answers} answers", "see the scheduler's own listing for it")


def _never_began(site_test: SiteTest, observed: SiteTestObservation) -> Finding:
    last = observed.sightings[-1].detail if observed.sightings else "it was never listed"
    return bad(
        "start", f"the job left no mark in {site_test.folder} ({last})",
        "check that the node can see that folder; put EVALCTL_HOME on a disk that all nodes share",
    )  # fmt: skip


def _output(site_test: SiteTest) -> Finding:
    found = output_of(site_test)
    if found:
        return good("output", f"in the run folder: {found[0].replace(site_test.name, 'NAME')}")
    return bad(
        "output", "what the job printed is not in its run folder", f"{INSIDE.job_log} is: the script writes that itself"
    )


def _node(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    yield bash("bash there", _value(looked, "bash"))
    for name in _values(looked, "module_missing"):
        yield bad("modules", f"module load {name} failed", "correct `modules` or `modules_init` in the service's file")


def _environment(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    names = set(_values(looked, "variable"))
    if CANARY in names:
        yield bad(
            "environment", "the job sees the whole shell of its submitter, keys included",
            "look for -V or --export=ALL in `submit_args` or in a wrapper of the site",
        )  # fmt: skip
    else:
        yield good("environment", f"of the submitting shell EVALCTL_RUN_DIR alone; {len(names)} variables in all")
    yield good("environment", f"PATH={_value(looked, 'path') or 'not set (the script sets one)'}")


def _folders(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    if not _value(looked, "environments"):
        help = "evalctl env setup; or EVALCTL_ENVIRONMENTS on a disk that all nodes share"
        yield bad("environments", f"{context.environments} is not there on the node", help)
    if context.env_file.exists() and not _value(looked, "env_file"):
        yield bad("env file", f"{context.env_file} cannot be read on the node", "keep the clone on a shared disk")
    scratch = _value(looked, "scratch")
    if scratch:
        free = int(_value(looked, "scratch_free") or 0) / 1e6
        yield good("scratch", f"{scratch}, {free:.0f} GB free")
    elif context.service.scratch:
        words = ", ".join(context.service.scratch)
        yield bad("scratch", f"none of {words} is there and writable", "correct `scratch` in the service's file")
    else:
        yield good("scratch", "the service names none: TMPDIR stays as the node has it")


def _gpus(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    names = _values(looked, "gpu")
    if len(names) >= site_test.kind.gpus:
        yield good(
            "gpus",
            f"{len(names)} seen{', ' + names[0] if names else ''}; {site_test.kind_name} promises {site_test.kind.gpus}",
        )
    else:
        yield bad(
            "gpus", f"{len(names)} seen, {site_test.kind_name} promises {site_test.kind.gpus}", "correct the node kind"
        )


def _compiler(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    """Whether kernels can be compiled on the node; checked only on a node with a GPU."""
    if not _values(looked, "gpu"):
        return
    driver, nvcc, kernel = (_value(looked, name) for name in ("driver", "nvcc", "kernel"))
    help = "load the site's CUDA module of the version that torch was built for: `modules` in the service's file"
    if not nvcc:
        yield bad("compiler", f"no nvcc on PATH (driver {driver}): FlashInfer cannot compile kernels", help)
    elif kernel != "compiles":
        yield bad("compiler", f"nvcc {nvcc} (driver {driver}) does not compile a kernel: {kernel}", help)
    else:
        yield good("compiler", f"nvcc {nvcc} compiles a kernel for this GPU (driver {driver})")


def _network(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    proxy = " (a proxy is set there)" if _value(looked, "proxy") else ""
    for endpoint in _values(looked, "reached"):
        yield good("network", f"{endpoint} can be reached{proxy}")
    for endpoint in _values(looked, "unreached"):
        yield bad("network", f"{endpoint} cannot be reached from the node{proxy}", _offline(endpoint))


def _fence(context: Context, site_test: SiteTest, looked: list[tuple[str, str]]) -> Iterator[Finding]:
    """Nothing where no job environment is there, which is a finding of its own."""
    for reply in _values(looked, "fence"):
        yield from fence_of(context, reply, is_node=True)


def _offline(endpoint: str) -> str:
    if endpoint.startswith("huggingface.co"):
        return "fetch models and datasets on the login node first, into the cache that .env names; HF_HUB_OFFLINE=1"
    return "run API models on another service, such as local"


def _end(site_test: SiteTest) -> Finding:
    """Whether the scheduler announced the limit, and when the job ended."""
    end, limit = last_beat(site_test) or 0, site_test.walltime_seconds
    signals = [(name, int(second)) for name, second in facts(site_test, SIGNALS)]
    if any(facts(site_test, ENDED)):
        return bad(
            "walltime", f"still alive {end - limit} s after its {limit} s", "the site does not enforce the limit"
        )
    if signals:
        name, second = signals[0]
        return good("walltime", f"{name} came at {second} of {limit} s, the end {end - second} s later")
    if end < limit - _LATE_S:
        return bad(
            "walltime",
            f"ended after {end} of {limit} s without a signal",
            "if nobody cancelled the job, run the site test again",
        )
    return good("walltime", f"no warning, killed at {end} of {limit} s: jobs keep the time themselves (drain_seconds)")


def _value(looked: list[tuple[str, str]], name: str) -> str:
    return next(iter(_values(looked, name)), "")


def _values(looked: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in looked if key == name]
