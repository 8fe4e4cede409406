"""Where a custom model settings file of the lab belongs here. The files themselves are taken over unchanged."""

from __future__ import annotations

from pathlib import PurePosixPath

from evalctl.load.places import COMMON, MODELS, TEMPLATE
from evalctl.model.diagnostic import Diagnostic, Span


def place_of(relative: str, file: str) -> tuple[str | None, list[Diagnostic]]:
    """The place of the file at `relative` (below custom_model_settings/); None for the lab's template, which is documentation."""
    parts = PurePosixPath(relative).parts
    here = f"{MODELS}{relative}"
    if here == TEMPLATE:
        return None, []
    if here == COMMON or len(parts) == 2:
        return here, []
    help = "name the folder custom_model_settings/ itself, whose files are PUBLISHER/MODEL.yaml"
    return None, [Diagnostic("unreadable-source", f"`{relative}` is no PUBLISHER/MODEL.yaml", Span(file), help)]
