"""Determines where a custom model settings file of the lab belongs here. The files are imported unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from evalctl.load import yaml_source
from evalctl.load.places import COMMON, MODELS, TEMPLATE
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.parsers import LAB_PLUGINS, add_plugin


def place_of(relative: str, file: str) -> tuple[str | None, list[Diagnostic]]:
    """The path here of the file at `relative` (below custom_model_settings/); None for the lab's template, which is documentation."""
    parts = PurePosixPath(relative).parts
    here = f"{MODELS}{relative}"
    if here == TEMPLATE:
        return None, []
    if here == COMMON or len(parts) == 2:
        return here, []
    help = "name the folder custom_model_settings/ itself, whose files are PUBLISHER/MODEL.yaml"
    return None, [
        Diagnostic("unreadable-source", f"`{relative}` is not of the form PUBLISHER/MODEL.yaml", Span(file), help)
    ]


def plugins_named(texts: Mapping[str, str]) -> Iterator[str]:
    """What to do for each parser that the lab gives to vLLM as a file: the settings name only the parser.

    The file comes from the model's publisher, and a person must consent to run it, so an import writes neither.
    """
    for path, text in texts.items():
        document = yaml_source.parse(text, path)[0]
        sets = document.data if document is not None and isinstance(document.data, Mapping) else {}
        for name, settings in sets.items():
            parser = settings.get("reasoning_parser") if isinstance(settings, Mapping) else None
            if isinstance(parser, str) and parser in LAB_PLUGINS and not settings.get("reasoning_parser_plugin"):
                yield f"{path}: {name}: reasoning_parser {parser}: {add_plugin(parser)}"
