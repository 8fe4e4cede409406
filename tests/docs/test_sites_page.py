"""docs/sites.md: its example is a service as it stands, and a request on it compiles."""

from __future__ import annotations

import shutil

from evalctl import cli

from .documents import REPOSITORY, blocks

PAGE = REPOSITORY / "docs" / "sites.md"


def test_the_example_is_a_service(tmp_path, capsys):
    """Written into manifests/services/ as the page says, it serves a request without a finding."""
    for name in ("tasks", "services"):
        shutil.copytree(REPOSITORY / "manifests" / name, tmp_path / "manifests" / name)
    (example,) = (block for block in blocks(PAGE, "yaml") if block.path)
    (tmp_path / example.path).write_text(example.text, encoding="utf-8")
    request = tmp_path / "manifests/requests/try.yaml"
    request.parent.mkdir()
    request.write_text(
        "model: openai/gpt-4o-mini\nprovider: openai\nservice: kitakami\ntasks: [en_gpqa_diamond]\nmax_samples: 5\n",
        encoding="utf-8",
    )
    assert cli.main(["--repo", str(tmp_path), "compile"]) == 0, capsys.readouterr()
    (script,) = (tmp_path / "generated/try").glob("*.sh")
    assert "#SBATCH --partition=cpu\n" in script.read_text(encoding="utf-8")
