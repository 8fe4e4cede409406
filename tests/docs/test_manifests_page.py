"""docs/manifests.md: its examples are checked as they stand, and it leaves no key out."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from evalctl import cli
from evalctl.model.gate import Gate, GateRule
from evalctl.model.manifest import CustomSettings, Request
from evalctl.model.providers import PROVIDERS

from .documents import REPOSITORY, Block, blocks

PAGE = REPOSITORY / "docs" / "manifests.md"
ALL = list(blocks(PAGE, "yaml"))
FOLDER = "manifests/requests/"
FILES = [block for block in ALL if block.path and not block.path.startswith(FOLDER)]
REQUESTS = [
    block if block.path else replace(block, path=f"{FOLDER}example-{number}.yaml")
    for number, block in enumerate(ALL)
    if block not in FILES
]
CARD = "manifests/models/my-lab/Model-8B.lock.yaml"


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """The shipped catalogue with the page's files, and cards of the other models that the page names."""
    root = tmp_path_factory.mktemp("repository")
    for name in ("tasks", "services"):
        shutil.copytree(REPOSITORY / "manifests" / name, root / "manifests" / name)
    common = "manifests/models/common_settings.yaml"
    card = next(block.text for block in FILES if block.path == CARD)
    checkpoint = "my-lab/Model-8B-step2000"
    cards = {
        common: (REPOSITORY / common).read_text(encoding="utf-8"),
        CARD.replace("Model-8B", "Thinker-8B"): card.replace("Model-8B", "Thinker-8B").replace("tags: false", "tags: true"),
        f"manifests/models/{checkpoint}.lock.yaml": card.replace("my-lab/Model-8B", checkpoint).replace(
            "\nrevision: ", "\npath: /gs/bs/group/checkpoints/step-2000\nrevision: 0123456789abcdef01234567"
        ),
    }  # fmt: skip
    for path, text in [*cards.items(), *((block.path, block.text) for block in FILES)]:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def findings(root: Path, request: Block, capsys) -> set[tuple[str, int, str]]:
    """What `evalctl check` says when this is the only request."""
    folder = root / "manifests" / "requests"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (root / request.path).write_text(request.text, encoding="utf-8")
    cli.main(["--repo", str(root), "check", "--format", "json"])
    return {(found["file"], found["line"], found["code"]) for found in json.loads(capsys.readouterr().out)}


@pytest.mark.parametrize("request_block", REQUESTS, ids=lambda block: Path(block.path).stem)
def test_a_request_of_the_page_is_found_as_the_page_says(repository, request_block, capsys):
    """Nothing but what is marked, on the marked lines; findings in other files must be marked there."""
    found = findings(repository, request_block, capsys)
    assert {one for one in found if one[0] == request_block.path} == request_block.marked
    announced = {mark for block in FILES for mark in block.marked}
    assert {one for one in found if one[0] != request_block.path} <= announced


def test_what_a_file_of_the_page_announces_is_found(repository, capsys):
    """No marked line of a file goes without its finding."""
    found = set().union(*(findings(repository, request, capsys) for request in REQUESTS))
    assert {mark for block in FILES for mark in block.marked} <= found


@pytest.mark.parametrize(
    "name", sorted({*Request.model_fields, *CustomSettings.model_fields, *Gate.model_fields, *GateRule.model_fields})
)
def test_no_key_is_left_out(name):
    """Whoever reads the page has seen every key of requests and custom settings."""
    assert re.search(rf"^\|[^|]*`{name}`", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.name)
def test_every_provider_is_told_with_its_key_and_place(provider):
    """The table of providers says what the program does."""
    row = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{provider.name}` |")
    )
    assert provider.key_variable in row
    assert f"`results/{provider.result_dir or provider.name}/" in row
