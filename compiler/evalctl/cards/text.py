"""Writes the committed form of a model card."""

from __future__ import annotations

import yaml

from evalctl.model.card import ModelCard


class _Quoted(str):
    """Text that is always quoted: YAML 1.2 reads a revision such as 12e34… as a number."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(_Quoted, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


_SHOWN = ("context_length", "chat_template_sha256")  # written even if null, which means unknown or none


def write(card: ModelCard) -> str:
    """MODEL.lock.yaml: the card in a stable order, with a comment on its origin."""
    what = f"--path {card.path} {card.model}" if card.path else card.model
    what = f"--whole {what}" if card.sampled_revision else what
    head = f"# Facts of {card.model}, read by `evalctl lock`; refresh with `evalctl lock {what}`.\n"
    facts = {key: value for key, value in card.model_dump().items() if value is not None or key in _SHOWN}
    for key in ("revision", "sampled_revision"):
        if key in facts:
            facts[key] = _Quoted(facts[key])
    return head + yaml.dump(facts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
