"""`evalctl probe`: tests with few small calls what a provider accepts, and proposes changes of manifests."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalctl import columns, report
from evalctl.clone.dotenv import env_path, environments_of, process_with_env_file
from evalctl.clone.requests import request_named, root_of
from evalctl.exits import LATER, PERSON, SUCCESS
from evalctl.model.catalogue import Catalogue
from evalctl.model.fields import BASE_URL, SERVED_MODEL
from evalctl.model.providers import Provider, declared, is_plain
from evalctl.pipeline.project import Project
from evalctl.probing.program import Surroundings, ask, python_of
from evalctl.probing.proposals import REFUSED, Proposal, proposals
from evalctl.probing.target import Target, of_model, of_request
from evalctl.shell import EnvironmentProblem
from evalctl.suggest import help_for, listed, plural
from evalctl.sync.reasons import is_later, is_transient
from evalctl.sync.secrets import named_like_a_secret
from evalctl.terminal import as_json
from evalctl_job.probed import ContextLength, Found, LargestNumber, Stop


@dataclass(frozen=True, slots=True)
class Probed:
    """The outcome for one target, and the proposed changes."""

    target: Target
    found: Found
    proposals: Sequence[Proposal]


def run(arguments: argparse.Namespace) -> int:
    """Probes one model after another; reports a provider that does not answer and continues with the others."""
    root = root_of(arguments)
    project = Project(root)
    targets = [target for word in arguments.subjects for target in _targets(word, arguments, project)]
    if arguments.dry_run:
        _show_what_would_be_asked(targets, arguments)
        return SUCCESS
    python = python_of(environments_of(root).absolute())
    surroundings = _surroundings(targets, python, root)
    probed = _probed(targets, surroundings, env_path(root).name, arguments, project.whole_catalogue)
    if arguments.json:
        print(as_json([_object(one) for one in probed], indent=1))
    return exit_code({one.found.stopped.reason for one in probed if one.found.stopped})


def exit_code(stops: Collection[str]) -> int:
    """The exit code: LATER if only temporary reasons have stopped probes, PERSON for other reasons, else SUCCESS."""
    return SUCCESS if not stops else LATER if all(is_transient(one) or is_later(one) for one in stops) else PERSON


# ---- what to ask --------------------------------------------------------------------------------------------------


def _targets(word: str, arguments: argparse.Namespace, project: Project) -> Iterator[Target]:
    """The targets that `word` names: a request's models, or with --provider or --api-base the model itself."""
    if arguments.provider is None and arguments.api_base is None:
        yield from _of_request(word, arguments, project)
        return
    if not re.fullmatch(SERVED_MODEL, word):
        raise EnvironmentProblem(f"`{word}` cannot be a model's name", help="as the provider names it: PUBLISHER/MODEL")
    catalogue = project.whole_catalogue
    yield of_model(word, _provider(arguments, catalogue), catalogue, arguments.up_to)


def _of_request(word: str, arguments: argparse.Namespace, project: Project) -> Iterator[Target]:
    try:
        path = request_named(word, project.root, project.workspace.request_paths)
    except EnvironmentProblem as problem:
        help = f"{problem.help}; a model without a request: evalctl probe {word} --provider NAME"
        raise EnvironmentProblem(problem.message, help) from None
    compiled = project.compile_one(path)
    if compiled.checked is None or not compiled.evals:
        report.show(compiled.diagnostics, project.root, "text", sys.stderr)
        raise EnvironmentProblem(f"{path} has errors", help=f"fix the errors first: evalctl check {path}")
    if compiled.checked.request.provider == "vllm":
        help = (
            "what the job's own vLLM server accepts follows from its options; to test a node: `evalctl doctor --probe`"
        )
        raise EnvironmentProblem(f"{path} has provider vllm: there is no provider to probe", help)
    yield from of_request(compiled.checked, compiled.evals, project.whole_catalogue, arguments.up_to)


def _provider(arguments: argparse.Namespace, catalogue: Catalogue) -> Provider:
    """The named provider, at --api-base if given; without a name a provider without a key at that address."""
    known = {name: one for name, one in catalogue.providers.items() if name != "vllm"}
    name, base = arguments.provider, arguments.api_base
    if name is not None and name not in known:
        raise EnvironmentProblem(f"there is no provider `{name}`", help_for(name, known, f"there are: {listed(known)}"))
    if base is not None and not re.fullmatch(BASE_URL, base):
        raise EnvironmentProblem(
            "--api-base is not a valid base address", help="write e.g. https://llm.example.jp/v1, without a key in it"
        )
    provider = known[name] if name is not None else declared(base, base, key=False)
    if base is not None and is_plain(base) and provider.key_variable:
        message = f"http sends {provider.key_variable}, the questions and the answers unprotected over the network"
        raise EnvironmentProblem(message, help="write https://, or leave --provider out: then no key is sent")
    return replace(provider, base_url=base or provider.base_url)


# ---- asking -------------------------------------------------------------------------------------------------------


def _probed(
    targets: Sequence[Target], around: Surroundings, env_file: str, arguments: argparse.Namespace, catalogue: Catalogue
) -> list[Probed]:
    """Probes all targets in one process, since litellm takes seconds to load; reports targets without a key first."""
    unkeyed = [one for one in targets if one.provider.key_variable not in ("", *around.keys)]
    keyed = [one for one in targets if one.provider.key_variable in ("", *around.keys)]
    reporter = Reporter([*unkeyed, *keyed], catalogue, as_json=arguments.json)
    for target in unkeyed:
        message = f"{target.provider.key_variable} is not set: put it into {env_file}"
        reporter.report(Found(stopped=Stop("key-not-set", message)))
    for target in keyed:
        print(_announced(target, arguments.max_calls), file=sys.stderr, flush=True)
    ask(keyed, around, arguments.max_calls, reporter)
    return reporter.probed


def _surroundings(targets: Sequence[Target], python: Path, root: Path) -> Surroundings:
    """The environment of the program: keys that are set (not to a value of .env_template), and proxies and certificates of .env."""
    environment = process_with_env_file(root)
    values = {one.provider.key_variable: environment.get(one.provider.key_variable, "") for one in targets}
    keys = {name: value for name, value in values.items() if name and value and "{" not in value}
    variables = {name: None if named_like_a_secret(name) else value for name, value in environment.items()}
    return Surroundings(python, keys, variables)


class Reporter:
    """Prints the outcome of each target at once, or all as JSON at the end."""

    def __init__(self, targets: Sequence[Target], catalogue: Catalogue, *, as_json: bool) -> None:
        """`targets` are in the order in which they are probed."""
        self._targets, self._catalogue, self._as_json = targets, catalogue, as_json
        self.probed: list[Probed] = []

    def asking(self, what: str) -> None:
        """Prints the question that is about to be sent."""
        target = self._targets[len(self.probed)]
        print(f"  {target.model} at {target.provider.name}: {what}", file=sys.stderr, flush=True)

    def report(self, found: Found) -> None:
        """Records and prints the outcome of the next target."""
        target = self._targets[len(self.probed)]
        self.probed.append(Probed(target, found, proposals(target, found, self._catalogue)))
        if not self._as_json:
            print("\n".join(_text(self.probed[-1])), flush=True)


def _show_what_would_be_asked(targets: Sequence[Target], arguments: argparse.Namespace) -> None:
    if arguments.json:
        wanted = [{**_named_in_json(one), "max_calls": arguments.max_calls, "up_to": one.up_to} for one in targets]
        print(as_json(wanted, indent=1))
        return
    for target in targets:
        print(_announced(target, arguments.max_calls))


def _announced(target: Target, max_calls: int) -> str:
    return (
        f"{_named(target)}: at most {max_calls} calls (7 if nothing is refused), `n` up to {target.up_to}, short"
        " prompts, answers cut off after one token where the provider can"
    )


def _named(target: Target) -> str:
    name, base = target.provider.name, target.provider.base_url
    return f"{target.model} at {name}" + (f" ({base})" if base != name else "")


# ---- output -------------------------------------------------------------------------------------------------------


def _text(one: Probed) -> Iterator[str]:
    found = one.found
    yield f"{_named(one.target)} ({plural(found.calls, 'request')}, {plural(found.tokens, 'token')})"
    yield from (f"  {row}" for row in columns.aligned([*_findings(found)]))
    if found.stopped:
        yield f"  stopped: {found.stopped.reason}: {found.stopped.message}"
    yield from _proposed(one)


def _findings(found: Found) -> Iterator[tuple[str, str]]:
    if found.n:
        yield "n", _n_text(found.n)
    for name, verdict in found.parameters.items():
        most = "" if verdict.at_most is None else f" beyond {verdict.at_most} texts"
        yield name, f"{verdict.verdict}{most}{_quoted(verdict.message)}"
    if found.together_refused is not None:
        yield "all together", f"refused, although each alone is accepted{_quoted(found.together_refused)}"
    if found.unknown_accepted:
        yield "unknown keys", "accepted: parameters with `not reported` may be ignored silently"
    if found.parameters:
        yield "context length", _context_text(found.context)
        yield "rate limit", ", ".join(f"{name}: {value}" for name, value in found.rate_limit.items()) or "not reported"


def _n_text(verdict: LargestNumber) -> str:
    if verdict.largest >= verdict.asked:
        return f"{verdict.asked} are accepted (more were not tested)"
    if verdict.verdict == REFUSED:
        return f"at most {verdict.largest}{_quoted(verdict.message)}"
    return f"at most {verdict.largest}: more are silently dropped"


def _context_text(verdict: ContextLength | None) -> str:
    if verdict is None:
        return "not reported"
    known = f"{verdict.tokens} tokens ({verdict.source})" if verdict.tokens else "not reported"
    if verdict.longest_answer:
        known += f"; no answer longer than {verdict.longest_answer} tokens"
    return known if verdict.tokens or verdict.longest_answer else f"not reported{_quoted(verdict.message)}"


def _quoted(message: str | None) -> str:
    return f": {message}" if message else ""


def _proposed(one: Probed) -> Iterator[str]:
    if one.proposals:
        yield "proposals"
    for proposal in one.proposals:
        yield f"  {proposal.line}"
        yield f"      {report.place(proposal.span)}, {proposal.how}: {proposal.why}"
    if any("settings" in proposal.how or "in place" in proposal.how for proposal in one.proposals):
        yield "  raise the `version` of the settings that you change; then evalctl plan shows what runs again"


def _object(one: Probed) -> dict[str, Any]:
    return {
        **_named_in_json(one.target), **one.found.as_json(),
        "proposals": [
            {"line": made.line, "place": report.place(made.span), "how": made.how, "why": made.why}
            for made in one.proposals
        ],
    }  # fmt: skip


def _named_in_json(target: Target) -> dict[str, Any]:
    return {
        "model": target.model, "provider": target.provider.name, "api_base": target.provider.base_url,
        "request": target.checked.path if target.checked else None,
    }  # fmt: skip
