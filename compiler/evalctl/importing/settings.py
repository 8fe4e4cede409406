"""Where a custom model settings file of the lab belongs here. The files themselves are taken over unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from evalctl.load import yaml_source
from evalctl.load.places import COMMON, MODELS, TEMPLATE
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.parsers import LAB_PLUGINS, add_plugin


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


def plugins_named(texts: Mapping[str, str]) -> Iterator[str]:
    """What to do for each parser that vLLM gets from a file of its own in the lab: the settings name the parser alone.

    The file is the publisher's and the consent a person's, so neither is written by an import.
    """
    for path, text in texts.items():
        document = yaml_source.parse(text, path)[0]
        sets = document.data if document is not None and isinstance(document.data, Mapping) else {}
        for name, settings in sets.items():
            parser = settings.get("reasoning_parser") if isinstance(settings, Mapping) else None
            if isinstance(parser, str) and parser in LAB_PLUGINS and not settings.get("reasoning_parser_plugin"):
                yield f"{path}: {name}: reasoning_parser {parser}: {add_plugin(parser)}"
