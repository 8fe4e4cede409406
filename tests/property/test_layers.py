"""Merging layers: the later one wins, a null unsets, and the origin goes with the value."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalctl.model.catalogue import Layer
from evalctl.model.diagnostic import Origin, Sourced, Span
from evalctl.resolve.layers import merge

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.tuples(st.text())
)


@st.composite
def layers(draw: st.DrawFn, count: int = 3) -> list[Layer]:
    """`count` layers over few names, each with an origin of its own."""
    names = st.sampled_from(["temperature", "top_p", "max_n", "system_message"])
    written = [draw(st.dictionaries(names, _VALUES)) for _ in range(count)]
    return [
        {name: Sourced(value, Origin(f"layer {number}", Span("f.yaml", number + 1))) for name, value in layer.items()}
        for number, layer in enumerate(written)
    ]


def _with_origins(layer: Layer) -> dict[str, tuple[object, Origin]]:
    return {name: (sourced.value, sourced.origin) for name, sourced in layer.items()}


@given(layers())
def test_merging_is_associative(three: list[Layer]) -> None:
    """Whichever two are merged first, values and origins are the same."""
    first, second, third = three
    left, right = merge((merge((first, second)), third)), merge((first, merge((second, third))))
    assert _with_origins(merge(three)) == _with_origins(left) == _with_origins(right)


@given(layers(4))
def test_the_last_layer_that_names_a_key_wins(four: list[Layer]) -> None:
    """Its value stands, with its own origin, also where it is null; nothing else is in the result."""
    merged = merge(four)
    assert set().union(*four) == set(merged)
    for name, sourced in merged.items():
        last = [layer[name] for layer in four if name in layer][-1]
        assert (sourced.value, sourced.origin) == (last.value, last.origin)


@given(layers(1))
def test_empty_layers_change_nothing(one: list[Layer]) -> None:
    """The neutral element stands left and right."""
    assert _with_origins(merge(({}, one[0], {}))) == _with_origins(one[0])


@given(layers(2))
def test_merging_changes_no_layer(two: list[Layer]) -> None:
    """The layers are as they were."""
    before = [dict(layer) for layer in two]
    merge(two)
    assert before == two


def test_origins_do_not_take_part_in_equality() -> None:
    """Two files that say the same are the same."""
    here, there = Origin("custom settings", Span("a.yaml", 1)), Origin("request override", Span("b.yaml", 9))
    assert Sourced(0.6, here) == Sourced(0.6, there)
    assert hash(Sourced(0.6, here)) == hash(Sourced(0.6, there))
