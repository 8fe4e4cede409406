"""Merges ordered layers: key by key the later layer has precedence, and every value keeps its origin."""

from __future__ import annotations

from collections.abc import Sequence

from evalctl.model.catalogue import Layer


def merge(layers: Sequence[Layer]) -> Layer:
    """One layer with the values of all `layers`; null is a value (it unsets a setting)."""
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update(layer)
    return merged  # type: ignore[return-value]
