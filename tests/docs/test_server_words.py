"""The table of what the server's command can contain names every option that there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_names_every_option_of_the_server() -> None:
    """An option that is added has to be added to the table in docs/decisions.md, with the reason why it is safe."""
    written = (ROOT / "compiler/evalctl/plan/server.py").read_text(encoding="utf-8")
    section = (
        (ROOT / "docs/decisions.md")
        .read_text(encoding="utf-8")
        .split("· No text of a manifest can be opened as a file")[1]
    )
    named = set(re.findall(r"`(--[a-z-]+)`", section.split("\n## ")[0]))
    options = set(re.findall(r'"(--[a-z-]+)"', written))
    assert options
    assert options <= named
