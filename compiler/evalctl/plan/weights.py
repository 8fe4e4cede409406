"""What is downloaded before a job is submitted."""

from __future__ import annotations

from evalctl.model.evaluation import Eval, Weights
from evalctl.model.manifest import ModelCard, Request


def weights(request: Request, evaluation: Eval, card: ModelCard | None, environment: str) -> Weights | None:
    """The model's weights where the request asks for them; a checkpoint on disk is there already."""
    subject = evaluation.subject
    if not request.predownload or subject.path is not None or card is None:
        return None
    return Weights(subject.model, subject.revision, card.weight_bytes, environment)
