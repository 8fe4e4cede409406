"""Renders a download as a script: the same bootstrap as a job, with another document."""

from __future__ import annotations

from collections.abc import Iterator

from evalctl.model.evaluation import Artifact, Download
from evalctl.model.walltime import clock
from evalctl.render.document import lines
from evalctl.render.quoting import comment
from evalctl.render.script import node_facts, page, table
from evalctl.schedulers import SCHEDULERS


def download_script(download: Download) -> Artifact:
    """The whole script of `download`."""
    directives = SCHEDULERS[download.site.scheduler].directives(download.batch)
    head = [*directives, *_header(download)]
    return Artifact(download.script_path, page(head, download.weights.environment, _document(download)))


def _header(download: Download) -> Iterator[str]:
    yield "#"
    yield comment(f"Made by `evalctl compile` from {download.request}; change that file, not this one.")
    yield "#"
    yield comment(f"  downloads {download.weights.model} at {download.weights.revision}")
    yield comment(f"  size      {download.weights.size / 1e9:.1f} GB of weights")
    yield comment(f"  runs on   {download.service}, {download.node_kind}")
    yield comment(f"  time      at most {clock(download.batch.walltime_seconds)}")
    yield "#"


def _document(download: Download) -> Iterator[str]:
    batch, weights = download.batch, download.weights
    yield from lines({
        "name": download.name, "environment": weights.environment, "walltime_seconds": batch.walltime_seconds,
        "drain_seconds": batch.drain_seconds,
    })  # fmt: skip
    yield from table("node", node_facts(download.site, batch.gpus))
    yield from table("download", {"model": weights.model, "revision": weights.revision})
