"""What the rules of a gate are about: entries of metrics.yaml and averages, each with its margin."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalctl.results.entries import Scripts, by_language, main_entries, of_tasks

if TYPE_CHECKING:
    from evalctl.model.catalogue import Catalogue
    from evalctl.model.gate import Gate, GateRule
    from evalctl.model.metrics import MetricEntry

REQUIRED, ADVISORY = "required", "advisory"
TIERS = (REQUIRED, ADVISORY)


@dataclass(frozen=True, slots=True)
class Groups:
    """What a rule may name: entries by name, and the main entries of each language, suite and task key."""

    entries: Mapping[str, MetricEntry]
    languages: Mapping[str, tuple[MetricEntry, ...]]
    suites: Mapping[str, tuple[MetricEntry, ...]]

    def members(self, rule: GateRule) -> tuple[MetricEntry, ...] | None:
        """The entries that the rule is about; None where the name does not exist."""
        if rule.entry is not None:
            entry = self.entries.get(rule.entry)
            return None if entry is None else (entry,)
        if rule.suite is not None:
            return self.suites.get(rule.suite)
        if rule.language is not None:
            return self.languages.get(rule.language)
        return self.suites.get(rule.name, self.languages.get(rule.name))


@dataclass(frozen=True, slots=True)
class Gated:
    """One thing that a gate compares: an entry in its own units, or the average of several as a share of the full mark.

    `optional`: it is compared only where the baseline has a score of it (rules about a language). `rule` is the rule's place.
    """

    tier: str
    name: str
    entries: tuple[MetricEntry, ...]
    margin: float
    lower_is_better: bool
    is_average: bool
    optional: bool
    rule: tuple[str, int]


def groups(catalogue: Catalogue) -> Groups:
    """What the rules of gates may name with these manifests."""
    main = main_entries(catalogue.metrics)
    by_name = {entry.name: entry for entry in main}
    scripts: Scripts = {key: task.script for key, task in catalogue.tasks.items()}
    languages = by_language({entry.name: entry.tasks for entry in main}, scripts)
    keys = {**{key: (key,) for key in catalogue.tasks}, **catalogue.suites}
    named = {suite: of_tasks({scripts[key] for key in tasks if key in scripts}, main) for suite, tasks in keys.items()}
    return Groups(
        {entry.name: entry for entry in catalogue.metrics.entries},
        {language: tuple(by_name[name] for name in names) for language, names in languages.items()},
        {suite: tuple(entry for entry in main if entry.name in names) for suite, names in named.items()},
    )


def gated(gate: Gate, known: Groups) -> list[Gated]:
    """Everything that the gate compares, in order; an entry with a rule of its own is in no group.

    An advisory rule takes nothing out of a group that is required.
    """
    rules = list(_rules(gate))
    own = {tier: {rule.entry for place, rule in rules if place[0] in (tier, REQUIRED) and rule.entry} for tier in TIERS}
    return [one for place, rule in rules for one in _of_rule(place, rule, known, own[place[0]])]


def _rules(gate: Gate) -> Iterator[tuple[tuple[str, int], GateRule]]:
    for tier, rules in zip(TIERS, (gate.required, gate.advisory), strict=True):
        yield from (((tier, index), rule) for index, rule in enumerate(rules))


def _of_rule(place: tuple[str, int], rule: GateRule, known: Groups, own: Collection[str]) -> Iterator[Gated]:
    members = known.members(rule) or ()
    tier = place[0]
    if rule.average is not None:
        scaled = tuple(entry for entry in members if entry.full_mark is not None)
        if scaled:
            optional = rule.average not in known.suites
            yield Gated(tier, f"average of {rule.average}", scaled, rule.margin, False, True, optional, place)
        return
    for entry in members:
        if rule.entry is not None:
            yield Gated(tier, entry.name, (entry,), rule.margin, entry.lower_is_better, False, False, place)
        elif entry.name not in own:
            margin = rule.margin * (entry.full_mark or 1.0)
            optional = rule.language is not None
            yield Gated(tier, entry.name, (entry,), margin, entry.lower_is_better, False, optional, place)
