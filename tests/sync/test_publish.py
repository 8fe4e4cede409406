"""The words of a commit of results."""

from __future__ import annotations

import pytest

from evalctl.model.aggregate import Aggregate
from evalctl.model.recorded import RecordedSettings
from evalctl.sync.publish import SUBJECT, _subject


def aggregate(model: str, settings: str) -> Aggregate:
    """One with this name."""
    return Aggregate(model, {}, custom_settings=RecordedSettings({"name": settings}))


@pytest.mark.parametrize("others", [0, 11, 12_000])
@pytest.mark.parametrize("settings", ["", "ja", "s" * 200])
@pytest.mark.parametrize("model", ["hosted_vllm/team/tiny-8B", "hosted_vllm/" + "p" * 90 + "/" + "m" * 90 + "-8B"])
def test_a_subject_is_never_longer_than_git_shows(model: str, settings: str, others: int) -> None:
    """A subject names the end of the model's name and has at most 72 characters, whatever the names are."""
    found = {str(number): aggregate(model, settings) for number in range(others + 1)}
    subject = _subject(found)
    assert SUBJECT == 72 and len(subject) <= SUBJECT
    assert subject.startswith("results: ") and "-8B" in subject and "hosted_vllm" not in subject
