"""A download as the script that will run it: the program of every job, with another course."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from evalctl.model.evaluation import Artifact, Download
from evalctl.render.quoting import assignment, comment, word
from evalctl.render.script import SHELLCHECK, clock, node_lines, program
from evalctl.schedulers import SCHEDULERS


def download_script(download: Download) -> Artifact:
    """The whole script of `download`."""
    directives = SCHEDULERS[download.site.scheduler].directives(download.batch)
    shellcheck = f"{SHELLCHECK},SC2153"  # what belongs to a task is never assigned: there is none
    parts = ["#!/bin/bash", *directives, *_header(download), shellcheck, "", *_assignments(download), ""]
    return Artifact(download.script_path, "\n".join(parts).encode(), course())


@cache
def course() -> bytes:
    """The constant program: all functions of job.sh, and the main function of download.sh in place of its own."""
    functions = program().removesuffix(b"\nmain\n")
    assert functions != program(), "job.sh ends with the call of its main function"
    return functions + b"\n" + Path(__file__).with_name("download.sh").read_bytes()


def _header(download: Download) -> Iterator[str]:
    yield "#"
    yield comment(f"Made by `evalctl compile` from {download.request}; change that file, not this one.")
    yield "#"
    yield comment(f"  downloads {download.weights.model} at {download.weights.revision}")
    yield comment(f"  size      {download.weights.size / 1e9:.1f} GB of weights")
    yield comment(f"  runs on   {download.service}, {download.node_kind}")
    yield comment(f"  time      at most {clock(download.batch.walltime_seconds)}")
    yield "#"


def _assignments(download: Download) -> Iterator[str]:
    yield f"JOB_NAME={word(download.name)}"
    yield f"WALLTIME_SECONDS={download.batch.walltime_seconds}"
    yield f"DRAIN_SECONDS={download.batch.drain_seconds}"
    yield assignment("TASKS", [])
    yield assignment("FRAMEWORK_ENVIRONMENTS", [download.weights.environment])
    yield assignment("SECRETS", [])
    yield ""
    yield from node_lines(download.site, download.batch.gpus)
    yield ""
    yield "SERVER_ENVIRONMENT=''"
    yield "KEY_VARIABLE=''"
    yield f"MODEL={word(download.weights.model)}"
    yield f"REVISION={word(download.weights.revision)}"
