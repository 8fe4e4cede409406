"""Merging ordered layers: the later one wins, key by key, and every value keeps its origin."""

from __future__ import annotations

from collections.abc import Sequence

from evalctl.model.catalogue import Layer


def merge(layers: Sequence[Layer]) -> Layer:
    """One layer that says what all of `layers` say together; a null is a value (it unsets)."""
    merged: dict[str, object] = {}
    for layer in layers:
        merged.update(layer)
    return merged  # type: ignore[return-value]
