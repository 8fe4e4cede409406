"""Advice saves money or time, and is not given where it would be wrong."""

from __future__ import annotations

from samples import base_texts, card_file, one_job

SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [en_own]\n"


def test_a_cheaper_kind_with_the_same_gpu_is_named() -> None:
    """node_q against gpu_1: a fifth less; not the other way round."""
    assert any("gpu_1" in line and "20 %" in line for line in one_job(SMALL).advice)
    assert not any("costs" in line for line in one_job(f"{SMALL}node_kind: gpu_1\n").advice)


def test_a_small_model_on_a_full_node_is_noticed() -> None:
    """A model that fits one GPU, and only such a model."""
    assert any("fits one GPU" in line for line in one_job(f"{SMALL}node_kind: node_f\n").advice)
    large = one_job("model: lab/large-70B\ncustom_settings: think\nservice: tsubame\ntasks: [en_own]\n")
    assert large.node_kind == "node_f"
    assert not any("fits one GPU" in line for line in large.advice)


def test_a_models_own_sampling_defaults_are_told() -> None:
    """Those keys that a question leaves out, unless they are turned off or nothing is left out."""
    told = [line for line in one_job(SMALL).advice if "own defaults" in line]
    assert len(told) == 1
    assert "top_p=0.9" in told[0]
    assert "temperature" not in told[0]  # the task sends it
    off = one_job(f"{SMALL}overrides: {{all: {{generation_config: vllm}}}}\n")
    said = one_job(f"{SMALL}overrides: {{all: {{top_p: 1.0}}}}\n")
    none = one_job(SMALL, card_file(generation_config={}))
    elsewhere = one_job(f"{SMALL}provider: deepinfra\n")  # whose server is not ours, and takes no generation_config
    assert not any("own defaults" in line for job in (off, said, none, elsewhere) for line in job.advice)


def test_a_kind_that_is_not_offered_is_not_recommended() -> None:
    """The service's file may keep a kind out of advice; a request can still name it."""
    path = "manifests/services/tsubame.yaml"
    hidden = base_texts()[path].replace("gpu_1: {gpus: 1,", "gpu_1: {offered: false, gpus: 1,")
    assert hidden != base_texts()[path]
    assert not any("gpu_1" in line for line in one_job(SMALL, {path: hidden}).advice)
    assert one_job(f"{SMALL}node_kind: gpu_1\n", {path: hidden}).node_kind == "gpu_1"
