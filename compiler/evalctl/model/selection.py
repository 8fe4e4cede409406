"""What a request selects: its models, its custom settings, its tasks."""

from __future__ import annotations

from evalctl.model.catalogue import Catalogue, CheckedRequest
from evalctl.model.diagnostic import Span
from evalctl.model.document import Path
from evalctl.model.manifest import LocalModel, Request


def models(request: Request) -> tuple[str | LocalModel, ...]:
    """The request's models, one or several."""
    return request.models if request.models is not None else (request.model,) if request.model is not None else ()


def model_names(request: Request) -> list[str]:
    """The names under which the request's models are known."""
    return [model.name if isinstance(model, LocalModel) else model for model in models(request)]


def model_span(checked: CheckedRequest, name: str) -> Span:
    """Where the request names the model."""
    request = checked.request
    path: Path = ("models", model_names(request).index(name)) if request.models is not None else ("model",)
    return checked.document.span(path)


def settings_names(request: Request) -> tuple[str | None, ...]:
    """The names of the request's custom settings; None is 'none'."""
    given = request.custom_settings
    return given if isinstance(given, tuple) else (given,)


def selected_tasks(request: Request, catalogue: Catalogue) -> tuple[str, ...]:
    """The task keys that the request means: suites expanded, exclusions taken out, each once."""
    keys: dict[str, None] = {}
    for word in request.tasks:
        if not word.startswith("-"):
            keys.update(dict.fromkeys(expanded(word, catalogue)))
    for word in request.tasks:
        if word.startswith("-"):
            for key in expanded(word[1:], catalogue):
                keys.pop(key, None)
    return tuple(keys)


def expanded(word: str, catalogue: Catalogue) -> tuple[str, ...]:
    """The task keys behind a suite or a task key; empty for an unknown word."""
    if word in catalogue.suites:
        return catalogue.suites[word]
    return (word,) if word in catalogue.tasks else ()
