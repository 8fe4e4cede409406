"""The committed form of a card."""

from __future__ import annotations

import datetime
from pathlib import Path

import yaml

from evalctl.cards import read_folder, write
from evalctl.load import yaml_source
from evalctl.model.card import ModelCard

DAY = datetime.date(2026, 11, 23)


def test_what_is_written_reads_back(model: Path) -> None:
    """The text holds the whole card."""
    card = read_folder(model, "pub/tiny", DAY)
    assert ModelCard.model_validate(yaml.safe_load(write(card))) == card


def test_text_is_stable_and_says_where_it_comes_from(model: Path) -> None:
    """Two readings are one text; the first line names model and command, the last line ends."""
    text = write(read_folder(model, "pub/tiny", DAY))
    first, *rest = text.splitlines()
    assert text == write(read_folder(model, "pub/tiny", DAY))
    assert first.startswith("# Facts of pub/tiny, read by `evalctl lock`; refresh with `evalctl lock ")
    assert rest[0] == "model: pub/tiny"
    assert rest[-1] == "read_at: '2026-11-23'"
    assert text.endswith("\n")


def test_a_path_appears_only_for_folders(model: Path) -> None:
    """A model of the Hub has no path line."""
    card = read_folder(model, "pub/tiny", DAY)
    assert "path:" in write(card)
    assert "path:" not in write(card.model_copy(update={"path": None}))


def test_a_revision_that_looks_like_a_number_stays_text(model: Path) -> None:
    """Forty digits, or digits around one e, are a commit like any other."""
    for revision in ("1" * 40, "12e34567890123456789012345678901234567890"[:40]):
        card = read_folder(model, "pub/tiny", DAY).model_copy(update={"revision": revision})
        document, problems = yaml_source.parse(write(card), "card")
        assert problems == []
        assert document is not None
        assert document.data["revision"] == revision
