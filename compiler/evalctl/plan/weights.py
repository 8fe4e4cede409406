"""The weights to download before a job is submitted, and the download job where a login node must not download."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from evalctl.model.card import ModelCard
from evalctl.model.evaluation import Batch, Download, Eval, Job
from evalctl.model.manifest import Request
from evalctl.model.service import Service
from evalctl.model.weights import Checkpoint, WeightsToDownload

DOWNLOAD_BYTES_PER_SECOND = 25e6  # planning figure: a download that runs out of time continues in the next attempt


def weights(request: Request, evaluation: Eval, card: ModelCard | None, environment: str) -> WeightsToDownload | None:
    """The model's weights where the request needs a download; None for a checkpoint on disk."""
    subject = evaluation.subject
    if not request.predownload or subject.path is not None or card is None:
        return None
    return WeightsToDownload(subject.model, subject.revision, card.weight_bytes, environment)


def checkpoint(evaluation: Eval, card: ModelCard | None) -> Checkpoint | None:
    """The folder that our server reads the model from."""
    subject = evaluation.subject
    if subject.path is None or card is None or subject.provider != "vllm":
        return None
    if card.sampled_revision:
        return Checkpoint(subject.path, card.sampled_revision, card.revision)
    return Checkpoint(subject.path, card.revision)


def download_advice(needed: WeightsToDownload | None, service: Service) -> list[str]:
    """The plan's sentence about the download."""
    if needed is None:
        return []
    where = "by evalctl sync" if service.download is None else f"by a job on {service.download}"
    return [f"the model ({needed.size / 1e9:.1f} GB) is downloaded first, {where}"]


def downloads(jobs: Sequence[Job], service: Service) -> tuple[Download, ...]:
    """A job for each model, on the service's node kind for that; none where `evalctl sync` downloads by itself."""
    first: dict[WeightsToDownload, Job] = {}
    for job in jobs:
        if job.weights is not None:
            first.setdefault(job.weights, job)
    kind = service.download
    if kind is None or kind not in service.node_kinds:  # the service's check says so
        return ()
    return tuple(_download(job, needed, service, kind) for needed, job in first.items())


def _download(job: Job, needed: WeightsToDownload, service: Service, kind: str) -> Download:
    node = service.node_kinds[kind]
    seconds = service.start_allowance_minutes * 60 + round(needed.size / DOWNLOAD_BYTES_PER_SECOND)
    text = "\n".join((job.service, needed.model, needed.revision))
    name = f"ev-download-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    batch = Batch(
        name, service.walltime_seconds(seconds + service.drain_seconds, node), node.gpus, job.batch.priority,
        (*service.directives, *node.directives), service.drain_seconds,
    )  # fmt: skip
    return Download(name, job.request, job.service, kind, batch, needed, job.site, job.requested_by)
