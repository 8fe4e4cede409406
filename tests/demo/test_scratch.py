"""The demo's scratch repository, before anything runs in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalctl import cli
from evalctl.clone.dotenv import environments_of, home_of
from evalctl.demo.scratch import fresh


@pytest.mark.parametrize("name", ["environments", 'it\'s a "folder" $HOME'])
def test_commands_typed_in_it_find_the_environments_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Its `.env` names them, private and not in git; runs and answers are its own."""
    for variable in ("EVALCTL_ENVIRONMENTS", "EVALCTL_HOME", "EVALCTL_SERVICE", "EVALCTL_ENV_FILE"):
        monkeypatch.delenv(variable, raising=False)
    scratch = fresh(tmp_path / "demo", tmp_path / name)
    assert environments_of(scratch.root) == tmp_path / name
    assert home_of(scratch.root) == scratch.root / ".evalctl"
    scratch.git("add", "--all")
    assert ".env" not in scratch.git("ls-files").stdout.splitlines()
    assert cli.main(["--repo", str(scratch.root), "env", "check", "lighteval"]) == 1
    assert capsys.readouterr().out.splitlines() == ["lighteval: missing; run `evalctl env setup lighteval`"]
