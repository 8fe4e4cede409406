"""Live jobs of this repository without an open attempt: their results will never be collected."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from evalctl import runfiles
from evalctl.model.plain_json import document
from evalctl.model.run import Action, Sighting, State, Step
from evalctl.render.quoting import assignment
from evalctl.sync.act import end
from evalctl.sync.context import Context
from evalctl.sync.ledger import Records
from evalctl.sync.observe import Observation
from evalctl.sync.sync_pass import SyncPass
from evalctl_job.run_folder import INSIDE


def orphans(records: Records, sightings: Iterable[Sighting]) -> list[Sighting]:
    """Those with this repository's mark whose name is not that of an open attempt; a job whose record cannot be read is not an orphan."""
    unknown = tuple(f"ev-{records.mark}-{job.removeprefix('ev-')}-a" for job in records.unreadable)
    accounted = {record.open.name for record in records.by_job.values() if record.open}
    return [
        sighting for sighting in sightings
        if sighting.name.startswith(f"ev-{records.mark}-") and not sighting.name.startswith(unknown or ("\0",))
        and sighting.state is not State.ENDED and sighting.name not in accounted
    ]  # fmt: skip


def reported(observed: Observation, with_steps: Iterable[str]) -> list[Step]:
    """A step for each orphan of a job that has no step yet."""
    prefixes = {f"ev-{observed.records.mark}-{job.removeprefix('ev-')}" for job in with_steps}
    return [
        Step(one.name, Action.REPORT, "orphan", f"{one.native_id} {one.detail}".strip() + "; evalctl sync --prune ends it")
        for one in orphans(observed.records, observed.sightings or ()) if one.name.rpartition("-a")[0] not in prefixes
    ]  # fmt: skip


def _submitted_here(context: Context, mark: str, name: str) -> bool:
    """Whether this clone submitted the attempt: its folder is made before each submission, and names attempt, clone and home.

    Neither mark nor folder is a proof alone: a copied repository has the same mark, a copied EVALCTL_HOME the same folder,
    and clones may share one.
    """
    stem, _, number = name.removeprefix(f"ev-{mark}-").rpartition("-a")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", stem) or not re.fullmatch(r"[1-9][0-9]{0,5}", number):
        return False
    return _names_attempt(context, context.run_dir(f"ev-{stem}", int(number)), name)


def _names_attempt(context: Context, folder: Path, name: str) -> bool:
    try:
        facts = document(runfiles.read(folder, INSIDE.attempt))
    except FileNotFoundError:
        return _named_in_shell(context, folder, name)
    except (OSError, ValueError):
        return False
    places = ((facts.get("env_file"), context.env_file), (facts.get("caches"), context.home_folder.caches.path))
    return facts.get("name") == name and all(_is_ours(recorded, own.parent) for recorded, own in places)


def _is_ours(recorded: object, folder: Path) -> bool:
    """Whether a recorded file was in `folder`: in the same one, or in one that is no longer there (it was moved here)."""
    if not isinstance(recorded, str):
        return False
    before = Path(recorded).parent
    return not os.path.lexists(before) or (before.exists() and before.samefile(folder))


def _named_in_shell(context: Context, folder: Path, name: str) -> bool:
    """As evalctl wrote it until 2026-11-27: a file of assignments for the shell."""
    expected = {"ATTEMPT_NAME": name, "ENV_FILE": str(context.env_file), "CACHES": str(context.home_folder.caches.path)}
    try:
        lines = runfiles.read(folder, "attempt.sh").splitlines()
    except (OSError, ValueError):
        return False
    return all(assignment(variable, text).encode() in lines for variable, text in expected.items())


def prune(current: SyncPass, observed: Observation) -> list[Step]:
    """Ends the orphans; a step for each.

    A claim is in the ledger before its job is submitted, so a job that was listed before and is not in the ledger *now* has
    no claim in any clone.
    """
    if observed.sightings is None or not current.remote_answers:
        current.warnings.append(
            "nothing is pruned: it needs a reply of both the scheduler and the remote repository; try again later"
        )
        return []
    current.ledger.refresh()
    records = current.ledger.read()
    found = orphans(records, observed.sightings)
    own = [one for one in found if _submitted_here(current.context, records.mark, one.name)]
    ended = [_ended(one, accepted) for one, accepted in zip(own, end(current.context, own), strict=True)]
    return ended + [_not_ours(one) for one in found if one not in own]


def _not_ours(orphan: Sighting) -> Step:
    where = "it was not submitted by this clone with this EVALCTL_HOME: type evalctl sync --prune where it was, or cancel it with the scheduler's own command"
    return Step(orphan.name, Action.REPORT, "orphan", f"{orphan.native_id}; {where}")


def _ended(orphan: Sighting, accepted: bool) -> Step:
    if accepted:
        return Step(orphan.name, Action.CANCEL, "orphan", orphan.native_id)
    return Step(orphan.name, Action.STOP, "orphan", f"the scheduler refused to cancel {orphan.native_id}")
