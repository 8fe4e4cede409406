"""The manual's reminder (3.2): a note where the model's own files recommend a setting that the request does not name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evalctl.model.card import Recommendation
from evalctl.model.catalogue import Catalogue, CheckedRequest, Layer
from evalctl.model.diagnostic import NOTE, Diagnostic
from evalctl.model.evaluation import Eval
from evalctl.model.selection import model_span
from evalctl.suggest import listed

# A request that names one of these has decided, also with `null`. vLLM sets enable_thinking by reasoning_effort (seen: 0.32.0,
# chat_completion/protocol.py), and other chat templates may do anything.
_DECIDED_BY = {
    "system_message": {"system_message"},
    "thinking": {"chat_template"},
    "enable_thinking": {"reasoning_effort", "chat_template"},
    "reasoning_effort": {"reasoning_effort", "chat_template"},
}
_TO_TYPE = {
    "system_message": "`system_message:` in its custom settings, or `null` there for none",
    "thinking": "`chat_template_kwargs: {thinking: true}` in its custom settings, or false where it should not reason",
    "enable_thinking": "`reasoning_effort: high` in its custom settings, `none` where it should not reason",
    "reasoning_effort": "`reasoning_effort:` in its custom settings, or `null` there to leave it",
}


def reminders(checked: CheckedRequest, evals: Sequence[Eval], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """A note for each recommendation that an eval of the request leaves undecided."""
    for evaluation in evals:
        card = catalogue.cards.get(evaluation.subject.model)
        for recommended in card.recommends if card is not None else ():
            if not _decided(recommended.setting, evaluation):
                yield _reminder(checked, evaluation.subject.model, recommended, catalogue)


def _decided(setting: str, evaluation: Eval) -> bool:
    values = {one.name: one.sourced for one in evaluation.settings}
    parser = values.get("reasoning_parser")
    if setting != "system_message" and (
        evaluation.subject.provider != "vllm" or (parser is not None and parser.value == "ignore")
    ):
        return True  # a provider's template is not known, and a model without reasoning needs no switch
    return _names(values, setting)


def _names(settings: Layer, setting: str) -> bool:
    """Whether these settings name one of the keys that decide a recommendation."""
    switches = settings.get("chat_template_kwargs")
    return not _DECIDED_BY[setting].isdisjoint(settings) or (switches is not None and setting in (switches.value or ()))


def _reminder(checked: CheckedRequest, model: str, recommended: Recommendation, catalogue: Catalogue) -> Diagnostic:
    what = "recommends" if recommended.setting == "system_message" else "has a switch"
    message = f"{recommended.source} of {model} {what}: {recommended.setting} ({recommended.text})"
    named = _named(model, recommended.setting, catalogue)
    choice = f"custom_settings: one of {listed(named)}; or " if named else ""
    return Diagnostic(
        "recommended-setting", f"{message}; the request does not say", model_span(checked, model),
        "no action needed if the server's default is intended; else ask the person who wants the result, and write "
        f"{choice}{_TO_TYPE[recommended.setting]}",
        severity=NOTE,
    )  # fmt: skip


def _named(model: str, setting: str, catalogue: Catalogue) -> list[str]:
    """The model's custom settings that decide the recommendation."""
    return [name for name, entry in catalogue.settings.get(model, {}).items() if _names(entry.layer, setting)]
