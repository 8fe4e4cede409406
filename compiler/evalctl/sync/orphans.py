"""Live jobs of this repository that no open attempt accounts for: nobody will ever collect what they measure."""

from __future__ import annotations

from collections.abc import Iterable

from evalctl.model.run import Action, Sighting, State, Step
from evalctl.sync.act import end
from evalctl.sync.ledger import Records
from evalctl.sync.observe import World
from evalctl.sync.world import View


def orphans(records: Records, sightings: Iterable[Sighting]) -> list[Sighting]:
    """Those with this repository's mark whose name is no open attempt's; what the ledger cannot tell is none."""
    unknown = tuple(f"ev-{records.mark}-{job.removeprefix('ev-')}-a" for job in records.unreadable)
    accounted = {record.open.name for record in records.by_job.values() if record.open}
    return [
        sighting for sighting in sightings
        if sighting.name.startswith(f"ev-{records.mark}-") and not sighting.name.startswith(unknown or ("\0",))
        and sighting.state is not State.ENDED and sighting.name not in accounted
    ]  # fmt: skip


def reported(world: World, told: Iterable[str]) -> list[Step]:
    """A step for each orphan of a job of which the table does not speak."""
    prefixes = {f"ev-{world.records.mark}-{job.removeprefix('ev-')}" for job in told}
    return [
        Step(one.name, Action.REPORT, "orphan", f"{one.native_id} {one.detail}".strip() + "; evalctl sync --prune ends it")
        for one in orphans(world.records, world.sightings or ()) if one.name.rpartition("-a")[0] not in prefixes
    ]  # fmt: skip


def prune(view: View, world: World) -> list[Step]:
    """Ends the orphans and tells which.

    A claim is in the ledger before its job is submitted, so a job that was seen and is not in the ledger *now* is
    nobody's, whatever this clone knew a moment ago.
    """
    if world.sightings is None or not view.remote_answers:
        view.warnings.append("nothing is pruned: scheduler and remote must both answer for that")
        return []
    view.ledger.refresh()
    found = orphans(view.ledger.read(), world.sightings)
    return [_ended(one, accepted) for one, accepted in zip(found, end(view.context, found), strict=True)]


def _ended(orphan: Sighting, accepted: bool) -> Step:
    if accepted:
        return Step(orphan.name, Action.CANCEL, "orphan", orphan.native_id)
    return Step(orphan.name, Action.STOP, "orphan", f"the scheduler does not let {orphan.native_id} be cancelled")
