"""The committed form of a model card."""

from __future__ import annotations

import yaml

from evalctl.model.manifest import ModelCard


def write(card: ModelCard) -> str:
    """MODEL.lock.yaml: the card in a stable order, with a line that says where it comes from."""
    what = f"{card.path} --name {card.model}" if card.path else card.model
    head = f"# Facts of {card.model}, read by `evalctl lock`; refresh with `evalctl lock {what}`.\n"
    facts = {key: value for key, value in card.model_dump().items() if not (key == "path" and value is None)}
    return head + str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=1000))
