"""The gates of a repository, checked against its manifests and its results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from evalctl.load.places import GATES
from evalctl.pipeline.project import Project
from evalctl.results.store import ResultIndex

if TYPE_CHECKING:
    from evalctl.check.gates import CheckedGate


def gates_of(project: Project, requested: Iterable[str], index: ResultIndex) -> list[CheckedGate]:
    """Every gate in order; `requested` are the models that requests name."""
    paths = project.workspace.under(GATES)
    if not paths:
        return []
    from evalctl.check.gates import CheckedGate, Known, checked, models_of, name_of

    known = Known({*project.workspace.models, *requested}, set(index.by_folder))
    found = []
    for path in paths:
        text = project.workspace.text(path)
        if text is None:
            found.append(CheckedGate(name_of(path), None, None, (), tuple(project.workspace.problems[path])))
            continue
        catalogue = project.catalogue_for(sorted(set(models_of(text, path))))
        found.append(checked(path, text, catalogue, known))
    return found
