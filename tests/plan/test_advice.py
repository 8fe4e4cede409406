"""Advice saves money or time, and is not given where it would be wrong."""

from __future__ import annotations

from samples import card_file, one_job

SMALL = "model: lab/small-8B\nservice: tsubame\ntasks: [en_own]\n"


def test_a_node_without_memory_is_told() -> None:
    """Where several GPUs could run copies, and only there."""
    local = "model: lab/small-8B\nservice: slurm\ntasks: [en_own]\nnode_kind: "
    assert any("gpu_memory_gb of gpu_8" in line for line in one_job(f"{local}gpu_8\n").advice)
    others = one_job(f"{local}gpu_1\n"), one_job(f"{SMALL}node_kind: node_f\n")
    assert not any("gpu_memory_gb" in line for job in others for line in job.advice)


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
