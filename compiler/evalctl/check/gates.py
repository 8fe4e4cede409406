"""Reads gates and checks their names, their margins, and that nothing is compared twice."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from evalctl.check.schema import validated, without_faults
from evalctl.check.secrets import secrets_in
from evalctl.check.unknown_names import unknown
from evalctl.load import yaml_source
from evalctl.load.places import GATES, METRICS, SUITES, TABLES, files_of
from evalctl.model.catalogue import Catalogue
from evalctl.model.diagnostic import Diagnostic, Note, Span, has_errors
from evalctl.model.document import Document, Path
from evalctl.model.fields import LONGEST_NAME
from evalctl.model.gate import ComparedAt, Gate, GateRule, compared
from evalctl.model.names import NAME
from evalctl.model.providers import settings_folder
from evalctl.model.selection import model_names, settings_names
from evalctl.results.gated import Gated, Groups, gated, groups
from evalctl.suggest import help_for, listed

_PREFIX, _SUFFIX = f"{GATES}/", ".yaml"


@dataclass(frozen=True, slots=True)
class CheckedGate:
    """A gate, the position of each part, what it compares (empty where it has an error), and its findings."""

    name: str
    path: str
    gate: Gate | None
    document: Document | None
    compares: tuple[Gated, ...]
    problems: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """The models that manifests name, and the folders of results (`results/…/MODEL[/SETTINGS]`)."""

    models: Collection[str]
    folders: Collection[str]

    def measured(self, one: ComparedAt) -> bool:
        """Whether this model has results with these settings."""
        return folder(one) in self.folders


def folder(one: ComparedAt) -> str:
    """Where the results of a model with its settings are."""
    return settings_folder(one.provider, one.model, one.custom_settings)


def name_of(path: str) -> str:
    """The name of the gate at `path`."""
    return path.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def checked(path: str, text: str, catalogue: Catalogue, known: Known) -> CheckedGate:
    """The gate in `text`; `catalogue` has the settings of the models that it names."""
    problems = [*secrets_in(path, text), *_name_problems(path)]
    document, found = yaml_source.parse(text, path)
    problems += found
    gate, found = (None, []) if document is None else validated("gate", document)
    problems += found
    if document is not None and gate is None and (rest := without_faults(document, found)) is not None:
        document, gate = rest, validated("gate", rest)[0]
    if document is None or gate is None:
        return CheckedGate(name_of(path), path, None, document, (), tuple(problems))
    problems += [*_models(document, gate, catalogue, known), *_rules(document, gate, catalogue)]
    compares = () if has_errors(problems) else tuple(gated(gate, groups(catalogue)))
    return CheckedGate(name_of(path), path, gate, document, compares, tuple(problems))


def models_of(text: str, path: str) -> list[str]:
    """The models that a gate names, whose settings and cards its check needs; [] where it has no valid form."""
    document = yaml_source.parse(text, path)[0]
    gate = None if document is None else validated("gate", document)[0]
    return [] if gate is None else [one.model for one in map(compared, (gate.baseline, *gate.candidates))]


def _name_problems(path: str) -> list[Diagnostic]:
    name = name_of(path)
    if re.fullmatch(NAME, name) and len(name) <= LONGEST_NAME:
        return []
    help = "rename the file: letters, digits, _ - + and single dots"
    return [Diagnostic("forbidden-text", f"`{name[:LONGEST_NAME]}` cannot be the name of a gate", Span(path), help)]


# ---- models -----------------------------------------------------------------------------------------------------


def _models(document: Document, gate: Gate, catalogue: Catalogue, known: Known) -> Iterator[Diagnostic]:
    first: dict[ComparedAt, Path] = {}
    paths: list[Path] = [("baseline",), *(("candidates", index) for index in range(len(gate.candidates)))]
    for path, written in zip(paths, (gate.baseline, *gate.candidates), strict=True):
        one = compared(written)
        yield from model_problems(document, path, one, catalogue, known)
        before = first.setdefault(one, path)
        if before != path:
            what = "the baseline" if before == ("baseline",) else "an earlier candidate"
            notes = (Note("it is here", document.span(before)),)
            message = f"`{one.model}` is {what} already: a model is not compared with itself"
            help = "name another model, other custom_settings or another commit"
            yield Diagnostic("duplicate-key", message, document.span(path), help, notes)


def model_problems(
    document: Document, path: Path, one: ComparedAt, catalogue: Catalogue, known: Known
) -> Iterator[Diagnostic]:
    """Findings where the model, its settings or its provider do not exist; what has results needs nothing else."""
    if known.measured(one):
        return
    written = document.data
    for part in path:
        written = written[part]
    place = path if isinstance(written, str) else (*path, "model")
    if one.provider not in catalogue.providers:
        span = document.span((*path, "provider"))
        yield unknown("unknown-provider", "provider", one.provider, catalogue.providers, span)
    elif not _is_known(one, known):
        help = help_for(one.model, known.models, f"add it by a request, or type `evalctl lock {one.model}`")
        message = f"no manifest and no result names the model `{one.model}`"
        yield Diagnostic("unknown-model", message, document.span(place), help)
    elif one.custom_settings is not None:
        yield from _settings(document, (*path, "custom_settings"), one, catalogue)


def _is_known(one: ComparedAt, known: Known) -> bool:
    place = settings_folder(one.provider, one.model, None)
    return one.model in known.models or any(f"{each}/".startswith(f"{place}/") for each in known.folders)


def _settings(document: Document, path: Path, one: ComparedAt, catalogue: Catalogue) -> Iterator[Diagnostic]:
    names = [*catalogue.settings.get(one.model, {}), *catalogue.common]
    if one.custom_settings in names:
        return
    there_are = f"there are: {listed(names)}; " if names else ""
    help = help_for(str(one.custom_settings), names, f"{there_are}they are in {files_of(one.model)[0]}")
    message = f"{one.model} has no custom settings `{one.custom_settings}`, and no results with them"
    yield Diagnostic("unknown-custom-settings", message, document.span(path), help)


def baseline_problems(path: str, text: str, catalogue: Catalogue, known: Known) -> list[Diagnostic]:
    """Findings about the `baseline` of a request; a request of invalid form has findings of its own."""
    document = yaml_source.parse(text, path)[0]
    request = None if document is None else validated("request", document)[0]
    if document is None or request is None or request.baseline is None:
        return []
    one = compared(request.baseline)
    subjects = {(name, settings) for name in model_names(request) for settings in settings_names(request)}
    if subjects == {(one.model, one.custom_settings)} and one.provider == request.provider:
        message = f"`{one.model}` is the model of the request itself: it is not compared with itself"
        help = "name another model or other custom_settings, or remove `baseline`"
        return [Diagnostic("duplicate-key", message, document.span(("baseline",)), help)]
    return list(model_problems(document, ("baseline",), one, catalogue, known))


def baseline_model(path: str, text: str) -> list[str]:
    """The model whose settings `baseline_problems` needs."""
    document = yaml_source.parse(text, path)[0]
    request = None if document is None else validated("request", document)[0]
    return [] if request is None or request.baseline is None else [compared(request.baseline).model]


# ---- rules ------------------------------------------------------------------------------------------------------


def _rules(document: Document, gate: Gate, catalogue: Catalogue) -> Iterator[Diagnostic]:
    if faulty := [path for path in (METRICS, SUITES, *TABLES) if path in catalogue.faulty]:
        message = f"the rules were not checked: {listed(faulty)} has errors"
        yield Diagnostic("unknown-entry", message, document.key_span(("required",)), f"fix {listed(faulty)} first")
        return
    known = groups(catalogue)
    found = [one for path, rule in _written(gate) for one in _rule(document, path, rule, known)]
    yield from found or _together(document, gate, known)


def _written(gate: Gate) -> list[tuple[Path, GateRule]]:
    return [
        ((tier, index), rule)
        for tier, rules in (("required", gate.required), ("advisory", gate.advisory))
        for index, rule in enumerate(rules)
    ]


def _rule(document: Document, path: Path, rule: GateRule, known: Groups) -> Iterator[Diagnostic]:
    members = known.members(rule)
    if members is None:
        yield _unknown(document.span((*path, rule.kind)), rule, known)
        return
    unscaled = [entry.name for entry in members if entry.full_mark is None] if rule.entry is None else []
    if unscaled and rule.average is None:
        help = f"give it a rule of its own: {{entry: {unscaled[0]}, margin: …}}, and name the others"
        message = f"`{unscaled[0]}` has no full mark, of which a margin of {rule.name} could be a share"
        yield Diagnostic("out-of-range", message, document.span((*path, rule.kind)), help)
    scale = members[0].full_mark if rule.entry is not None else 1.0
    if scale is not None and rule.margin >= scale:
        message = f"a margin of {rule.margin:g} allows every score: the full mark of {_scaled(rule)} is {scale:g}"
        help = f"write how much worse is still acceptable, e.g. `margin: {scale / 100:g}`"
        yield Diagnostic("out-of-range", message, document.span((*path, "margin")), help)


def _scaled(rule: GateRule) -> str:
    return f"`{rule.name}`" if rule.entry is not None else "a share"


def _unknown(span: Span, rule: GateRule, known: Groups) -> Diagnostic:
    if rule.suite is not None:
        return unknown("unknown-task", "task or suite", rule.suite, known.suites, span, f"suites are in {SUITES}")
    names = {"entry": known.entries, "language": known.languages, "average": {**known.languages, **known.suites}}
    what = {"entry": "entry", "language": "language", "average": "language or suite"}[rule.kind]
    otherwise = f"entries are in {METRICS}" if rule.kind == "entry" else ""
    return unknown("unknown-entry", what, rule.name, names[rule.kind], span, otherwise)


def _together(document: Document, gate: Gate, known: Groups) -> Iterator[Diagnostic]:
    """Rules that compare nothing, and what several rules compare."""
    compares = gated(gate, known)
    for path, rule in _written(gate):
        if path not in {one.rule for one in compares}:
            message = f"the rule compares nothing: no entry of metrics.yaml is left for `{rule.name}`"
            help = "remove the rule, or name what has an entry"
            yield Diagnostic("empty-gate", message, document.span((*path, rule.kind)), help)
    first: dict[str, Path] = {}
    for one in compares:
        before = first.setdefault(one.name, one.rule)
        if before != one.rule:
            kind = next(rule.kind for path, rule in _written(gate) if path == one.rule)
            notes = (Note("the other rule", document.span(before)),)
            message = f"two rules compare `{one.name}`"
            help = f"remove one of them, or give it a rule of its own: {{entry: {one.name}, margin: …}}"
            yield Diagnostic("duplicate-key", message, document.span((*one.rule, kind)), help, notes)
