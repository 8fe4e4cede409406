"""One form, two judges: pydantic (the compiler) and JSON Schema (editors, CI) accept the same documents."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from spec.literate import base_files

from evalctl.check.schema import KINDS, adapter, schema_of, validated, validator
from evalctl.load import yaml_source
from evalctl.model.document import Document

CARD = "manifests/models/lab/odd-heads-300B.lock.yaml"
FILES = {
    "service": "manifests/services/tsubame.yaml", "model-settings": "manifests/models/common_settings.yaml", "model-card": CARD,
    "metrics": "manifests/tasks/metrics.yaml", "suites": "manifests/tasks/suites.yaml",
}  # fmt: skip
REQUEST = {
    "model": "a/b", "custom_settings": ["x", None], "service": "tsubame", "node_kind": "node_q", "tasks": ["ja_mmlu", "-x"],
    "provider": "vllm", "priority": -5, "max_samples": 3, "unanswered": 2, "predownload": False, "cuda_visible_devices": "0,1", "concurrency": "auto",
    "request_timeout": 60, "packing": {"parallel": 2}, "sampling_override": True, "retries": 1, "requested_by": "x", "reason": "a\nb",
    "overrides": {"ja_mmlu": {"temperature": 0.5, "stop_tokens": ["x"], "seed": "3", "max_n": 4, "top_p": None}},
    "push_to_hub": {"org": "x", "private": True}, "baseline": {"model": "a/c", "custom_settings": "x", "provider": "vllm"},
}  # fmt: skip


ENDPOINT = {"base_url": "https://llm.example.jp:8443/v1", "key": False, "description": "研究室"}
ROW = {"path": "results/a/b/result.json", "fingerprint": "0" * 64, "by": "川田", "why": "measured on paper"}
GATE = {
    "baseline": {"model": "a/b", "custom_settings": "x", "provider": "vllm", "commit": "HEAD~3"}, "candidates": ["a/c", {"model": "a/d"}],
    "required": [{"entry": "jmmlu", "margin": 0.01}, {"average": "ja", "margin": 1}],
    "advisory": [{"suite": "swallow-ja", "margin": 0.5}, {"language": "en", "margin": 0.5}], "reason": "x",
}  # fmt: skip
POLICY = {
    "budgets": [{"per": "month", "service": "tsubame", "units": 10}, {"per": "group", "group": "nlp", "money": 5.5, "currency": "JPY"}],
    "approvals": [{"what": "priority", "by": "@a/b"}, {"what": "walltime", "walltime": "12:00:00", "by": "nobody"}],
    "groups": {"nlp": ["alice", "川田"]}, "roots": ["/gs/bs/models"],
}  # fmt: skip
WRITTEN = {
    "policy": POLICY,
    "request": REQUEST,
    "provider": ENDPOINT,
    "gate": GATE,
    "accepted": [ROW, {**ROW, "path": "results/a/c/result.json"}],
}


def valid(kind: str) -> Any:
    """A document of the kind that is right."""
    if kind in WRITTEN:
        return copy.deepcopy(WRITTEN[kind])
    document, problems = yaml_source.parse(base_files()[FILES[kind]].decode(), FILES[kind])
    assert document is not None, problems
    data = copy.deepcopy(document.data)
    if kind == "metrics":
        data["entries"], data["subset_groups"] = data["entries"][:2], {"STEM": ["anatomy"]}
    return data


STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([10**6, 2**31, 10**20, -(10**9), 1.0, 0.5, 2.5, 1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([
        "", " ", "a", "a\n", "a b", "../x", "a/b", "a/b/c", "-a", "--a", "/x", "/x\n", "x\0", "\x7f", "0", "1.5", "-1", "3", "1e3", "nan",
        "0,1", "0,,1", "24:00:00", "24:60:00", "auto", "shared", "parallel", "slurm", "あ", "x" * 96, "x" * 97, "0" * 40, "f" * 64, "vllm",
    ]),
    st.text(max_size=5),
)  # fmt: skip
SMALL = st.recursive(
    STRANGE,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in the document."""
    found = [path]
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += places(value[key], (*path, key))
    return found


@st.composite
def nearly_valid(draw: st.DrawFn, kind: str) -> Any:
    """A right document with one to three changes: a value replaced, a key added, removed or renamed."""
    document = valid(kind)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(
            st.sampled_from([path for path in places(document) if path]) if len(places(document)) > 1 else st.just(())
        )
        if not path:
            return draw(SMALL)
        holder = document
        for part in path[:-1]:
            holder = holder[part]
        match draw(st.sampled_from(["replace", "remove", "add", "rename"])):
            case "replace":
                holder[path[-1]] = draw(SMALL)
            case "remove":
                holder.pop(path[-1])
            case "add" if isinstance(holder, dict):
                holder[
                    draw(
                        st.sampled_from(["x", "model", "models", "name", "path", "a b", "", "x" * 97])
                        | st.text(max_size=4)
                    )
                ] = draw(SMALL)
            case "rename" if isinstance(holder, dict):
                holder[draw(st.text(max_size=4))] = holder.pop(path[-1])
            case _:
                holder.insert(0, draw(SMALL)) if isinstance(holder, list) else None
    return document


def accepted(kind: str, document: Any) -> bool:
    """pydantic's judgement."""
    try:
        adapter(kind).validate_python(document)
    except ValidationError:
        return False
    return True


def beyond_json_schema(kind: str, document: Any) -> bool:
    """What JSON Schema is not asked to know: `model` or `models`, and the size of a number that is written as text."""
    try:
        adapter(kind).validate_python(document)
    except ValidationError as error:
        types = {detail["type"] for detail in error.errors()}
        inputs = [
            detail["input"] for detail in error.errors() if detail["type"].endswith(("_than", "_equal", "int_type"))
        ]
        return bool(types & {"missing-key", "exclusive-keys"}) or bool(inputs)
    return False


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_both_judges_agree(kind: str, data: st.DataObject) -> None:
    """On documents near right ones; where they may differ, it is pydantic that is stricter."""
    document = data.draw(nearly_valid(kind))
    by_schema = validator(kind).is_valid(document)
    if accepted(kind, document):
        assert by_schema, list(validator(kind).iter_errors(document))
    else:
        assert not by_schema or beyond_json_schema(kind, document), document


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_refused_document_is_explained(kind: str, data: st.DataObject) -> None:
    """At least one finding, each with a message and a help, none twice; an accepted one has none."""
    document = data.draw(nearly_valid(kind))
    value, found = validated(kind, Document("f.yaml", document, {}, {}))
    assert (value is None) == bool(found) == (not accepted(kind, document))
    assert all(problem.message and problem.help for problem in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_base_documents_are_right_for_both(kind: str) -> None:
    """The starting points of the properties above; and the schema itself is a schema."""
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))
    assert accepted(kind, valid(kind))
    assert jsonschema.Draft202012Validator(schema_of(kind)).is_valid(valid(kind))
