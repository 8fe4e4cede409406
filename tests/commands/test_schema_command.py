"""`evalctl schema`: the committed schemas are what the models say."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from spec.literate import ROOT, repository

from evalctl.check.schema import KINDS, schema_text
from evalctl.cli import main


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_current(kind: str) -> None:
    """`evalctl schema` updates it."""
    assert (ROOT / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8") == schema_text(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_that_a_person_writes_is_described(kind: str) -> None:
    """Editors show the description; a request's keys all have one, or speak for themselves."""
    schema = json.loads(schema_text(kind))
    jsonschema.Draft202012Validator.check_schema(schema)
    if kind == "request":
        silent = {key for key, value in schema["properties"].items() if "description" not in value}
        assert silent <= {"requested_by", "reason"}


def test_schema_writes_what_differs_and_check_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second call does nothing; --check changes nothing."""
    monkeypatch.chdir(repository(tmp_path))
    assert main(["schema", "--check"]) == 1
    assert not (tmp_path / "schema").exists()
    assert main(["schema"]) == 0
    assert main(["schema", "--check"]) == 0
    capsys.readouterr()
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == ""
    (tmp_path / "schema/request.schema.json").write_text("{}")
    assert main(["schema", "--check"]) == 1
    assert "schema/request.schema.json" in capsys.readouterr().out


def test_shipped_manifests_name_a_schema_that_exists() -> None:
    """The first line that editors read leads to a file."""
    for path in (ROOT / "manifests").rglob("*.yaml"):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        if first.startswith("# yaml-language-server: $schema="):
            assert (path.parent / first.split("=", 1)[1]).resolve().is_file(), path


def test_shipped_settings_fit_their_schema_as_editors_read_it() -> None:
    """With a plain JSON Schema validator and a plain YAML reader, as in an editor."""
    schema = json.loads((ROOT / "schema/model-settings.schema.json").read_text(encoding="utf-8"))
    paths = [path for path in (ROOT / "manifests/models").rglob("*.yaml") if not path.name.endswith(".lock.yaml")]
    for path in paths:
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    assert paths
