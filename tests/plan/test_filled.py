"""What answers where no setting gives a sampling value, and who decides it."""

from __future__ import annotations

from typing import Any

import pytest
from samples import card, card_file, compiled

from evalctl.plan.filled import FROM_MODEL, NEUTRAL, OWN_OF_VLLM, filled, from_model

MODEL = {"temperature": 0.7, "top_k": 20, "repetition_penalty": 1.05, "max_new_tokens": 2048}
SMALL = "model: lab/small-8B\nservice: tsubame\n"


def of(text: str, task: str, config: dict[str, Any] | None = None) -> dict[str, tuple[Any, str]]:
    """Name to value and origin, with a card of this generation_config."""
    facts = card(generation_config=config or {})
    done = compiled(text, card_file(generation_config=config or {}))
    return {one.name: (one.value, one.origin) for one in filled(done.eval(task), facts)}


def test_the_model_fills_what_no_setting_gives() -> None:
    """Each value that the server takes from generation_config.json is named as that; the others are vLLM's own."""
    found = of(f"{SMALL}tasks: [ja_exact]\n", "ja_exact", MODEL)
    assert found["top_k"] == (20, FROM_MODEL)
    assert found["repetition_penalty"] == (1.05, FROM_MODEL)
    assert found["min_p"] == (0.0, OWN_OF_VLLM) and found["top_p"] == (1.0, OWN_OF_VLLM)
    assert "temperature" not in found, "the task's settings give it"
    assert f"else 2048 from {FROM_MODEL}" in found["max_new_tokens"][1]


def test_every_sampling_field_has_an_origin() -> None:
    """Either a setting gives it, or it is among those that nobody gives."""
    done = compiled(f"{SMALL}custom_settings: default\ntasks: [ja]\n", card_file(generation_config=MODEL))
    for one in done.evals:
        named = {setting.name for setting in one.settings if setting.applied}
        given = {entry.name for entry in filled(one, card(generation_config=MODEL))}
        assert named | given >= {*NEUTRAL, "max_new_tokens"}
        assert not dict(one.generation).keys() & given


@pytest.mark.parametrize("mode", ["vllm", "auto"])
def test_generation_config_decides_whether_the_model_fills(mode: str) -> None:
    """With `vllm` the server takes nothing from the model's file; a null unsets and is filled."""
    text = f"{SMALL}tasks: [ja_exact]\noverrides: {{ja_exact: {{generation_config: {mode}, temperature: null}}}}\n"
    found = of(text, "ja_exact", MODEL)
    expected = (0.7, FROM_MODEL) if mode == "auto" else (1.0, OWN_OF_VLLM)
    assert found["temperature"] == expected


def test_what_the_framework_or_the_task_sends_is_not_the_models() -> None:
    """lighteval 0.13 sends temperature 0 where none is set, MT-Bench sends its own."""
    text = f"{SMALL}tasks: [en_own, ja_judged]\noverrides: {{en_own: {{temperature: null}}}}\n"
    assert of(text, "en_own", MODEL)["temperature"] == (0, "lighteval sends it where no setting does")
    value, origin = of(text, "ja_judged", MODEL)["temperature"]
    assert value is None and "the task sends a value of its own" in origin
    done = compiled(text, card_file(generation_config=MODEL))
    assert "temperature" not in from_model(done.eval("en_own"), card(generation_config=MODEL))


def test_a_provider_applies_defaults_of_its_own() -> None:
    """What they are is not known here."""
    done = compiled("model: lab/m\nprovider: deepinfra\nservice: local\ntasks: [ja_exact]\n")
    values = {one.name: (one.value, one.origin) for one in filled(done.eval("ja_exact"), None)}
    assert values["top_k"] == (None, "not sent: deepinfra's own default applies")


def test_the_advice_names_what_the_model_fills() -> None:
    """The same values as `evalctl explain`."""
    done = compiled(f"{SMALL}tasks: [ja_exact]\n", card_file(generation_config=MODEL))
    (line,) = [one for one in done.jobs[0].advice if "the model's own defaults" in one]
    assert "repetition_penalty=1.05, top_k=20 (" in line and "temperature" not in line
