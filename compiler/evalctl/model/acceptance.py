"""results/accepted.json: results that a person accepted with `evalctl results accept`.

Commands read it without this model (`results/proof.py`, `results/accepted.py`); the schema is made from here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from evalctl.model.fields import Strict

_TEXT = Annotated[str, Field(min_length=1)]


class AcceptedResult(Strict):
    """One accepted result, which no attempt in the ledger proves."""

    path: Annotated[str, Field(pattern=r"^results/(?:[^/.][^/]*/)+result\.json$")] = Field(
        description="The result.json, from the repository."
    )
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="Identifies what was measured: the row says nothing of a record that was changed since."
    )
    by: _TEXT = Field(description="Who says so.")
    why: _TEXT = Field(description="The reason, for the reviewers.")


AcceptedFile = list[AcceptedResult]
