"""results/accepted.json: the results that count because a person says so, as `evalctl results accept` writes it.

Commands read it without this model (`results/proof.py`, `results/accepted.py`); the schema is made from here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evalctl.model.fields import Strict

_TEXT = Annotated[str, Field(min_length=1)]


class Acceptance(Strict):
    """One result that counts though no attempt of the ledger accounts for it."""

    path: Annotated[str, Field(pattern=r"^results/(?:[^/.][^/]*/)+result\.json$")] = Field(
        description="The result.json, from the repository."
    )
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="Identifies what was measured: the row says nothing of a record that was changed since."
    )
    by: _TEXT = Field(description="Who says so.")
    why: _TEXT = Field(description="The reason, for the reviewers.")


AcceptedFile = list[Acceptance]
