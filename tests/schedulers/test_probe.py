"""`evalctl doctor` at a real scheduler, as a normal user: what it finds, and what its probe says of the site."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lab import PARAMETERS, Lab, lab_at, labs_where
from sites import SITES

Findings = list[dict[str, Any]]
WALLTIMES = {"gridengine": "no warning, killed at", "slurm": "TERM came at", "pbs": "TERM came at"}


@pytest.fixture(scope="module")
def labs(request: pytest.FixtureRequest) -> Iterator[dict[str, Lab]]:
    """A clone for each scheduler that is asked for and answers."""
    with labs_where(request, lambda site: Lab(site, {"runs": {"task": "quick"}})) as made:
        yield made


@pytest.fixture(scope="module")
def probed(labs: dict[str, Lab]) -> dict[str, Findings]:
    """What the probes found, one at each scheduler at the same time."""

    def probe(lab: Lab) -> Findings:
        done = lab.evalctl("doctor", "--probe", "--json", "--service", "site", timeout=400)
        assert done.stdout.startswith("["), done.stdout + done.stderr
        found: Findings = json.loads(done.stdout)
        assert done.returncode == (0 if all(one["good"] for one in found) else 1)
        return found

    with ThreadPoolExecutor() as pool:
        return dict(zip(labs, pool.map(probe, labs.values()), strict=True))


@pytest.fixture(params=PARAMETERS)
def site(request: pytest.FixtureRequest, labs: dict[str, Lab]) -> str:
    """The name of a scheduler that answers here."""
    lab_at(request.param, labs)
    return str(request.param)


def about(found: Findings, topic: str) -> Findings:
    """The findings of one topic."""
    return [one for one in found if one["topic"] == topic]


def test_the_login_node_is_described(site: str, probed: dict[str, Findings]) -> None:
    """Service and what showed it, the scheduler's programs and version, an answer, the disk, git and its remote."""
    found = probed[site]
    for topic in ("service", "scheduler", "query", "home", "git", "remote", "python", "bash"):
        assert [one["good"] for one in about(found, topic)] == [True], about(found, topic)
    assert SITES[site].programs[0] in about(found, "scheduler")[0]["text"]


def test_the_site_is_proven(site: str, probed: dict[str, Findings]) -> None:
    """Whole names, output where it is expected, a clean environment, environments and scratch to be seen."""
    found = probed[site]
    for topic in ("submission", "names", "start", "output", "scratch", "bash there"):
        assert [one["good"] for one in about(found, topic)] == [True], about(found, topic)
    assert all(one["good"] for one in about(found, "environment")), about(found, "environment")
    assert "64 characters are shown whole" in about(found, "names")[0]["text"]


def test_the_end_of_the_walltime_is_as_the_scheduler_makes_it(site: str, probed: dict[str, Findings]) -> None:
    """Slurm warns when asked to, PBS at the end; Grid Engine kills without a word, so that jobs keep the time themselves."""
    (found,) = about(probed[site], "walltime")
    assert found["good"], found
    assert found["text"].startswith(WALLTIMES[SITES[site].scheduler])


def test_the_network_is_told_either_way(site: str, probed: dict[str, Findings]) -> None:
    """The Hub can be reached from a node, or a person is told what that means."""
    (found,) = about(probed[site], "network")
    assert "huggingface.co:443" in found["text"]
    assert found["good"] or "HF_HUB_OFFLINE" in found["help"]


def test_a_probe_leaves_nothing_in_ledger_or_results(
    site: str, labs: dict[str, Lab], probed: dict[str, Findings]
) -> None:
    """It is no attempt of anything."""
    assert labs[site].git("status", "--porcelain") == ""
    assert labs[site].git("branch", "--list", "evalctl-state") == ""


def test_a_probe_that_is_interrupted_cancels_its_job(site: str, labs: dict[str, Lab]) -> None:
    """Ctrl-C while it runs: the job is ended, and nothing is left."""
    lab = labs[site]
    process = lab.start("doctor", "--probe", "--service", "site")
    assert process.stderr is not None
    while "runs; it waits" not in (line := process.stderr.readline()):
        assert line, "the probe never ran"
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130
    assert "is cancelled" in said
    lab.wait(lambda: lab.processes() == [], 60, lambda: str(lab.processes()))
