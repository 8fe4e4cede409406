"""`python -m evalctl_job.probe`: finds what a provider accepts, with a few tiny requests through litellm.

Prints a JSON object per line: {"asking": …} before each question, and {"found": …} for each target in turn. The key is
in the environment variable that its target names, and is never printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import IO, Any

from evalctl_job import limits
from evalctl_job.limits import ACCEPTED, DROPPED, OBEYED, REFUSED, UNREPORTED, ProviderReply
from evalctl_job.probed import AskedTarget, ContextLength, Found, LargestNumber, ParameterVerdict, Stop
from evalctl_job.provider import ProbedModel, Stopped
from evalctl_job.typed import read

PROMPT = [{"role": "user", "content": "Count from 1 to 100."}]
SHORT_PROMPT = [{"role": "user", "content": "Answer with the one word: yes"}]
SYSTEM = [{"role": "system", "content": "You are brief."}]
# Length limits, tried in this order; the last one is for models that reason before they answer.
CAPS = ({"max_completion_tokens": 1}, {"max_tokens": 1}, {"max_completion_tokens": 64})
OTHER_CAP = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
UNKNOWN = {"evalctl_unknown_parameter": 1}
BEYOND_ANY_CONTEXT = 100_000_000


class Probe:
    """One model's limits, found one after another; `found` holds what is known so far."""

    def __init__(self, provider: ProbedModel, parameters: Mapping[str, Any], up_to: int) -> None:
        """`parameters` are asked about with these values, `n` up to `up_to`."""
        self._provider, self._parameters, self._up_to = provider, parameters, up_to
        self._cap: Mapping[str, int] = {}
        self._anything_goes = True
        self._verdicts: dict[str, ParameterVerdict] = {}
        self.found = Found()

    def run(self) -> None:
        """Find all limits, or as many as possible."""
        try:
            for step in (self._first, self._choices, self._unknown, self._all_parameters, self._length):
                step()
        except Stopped as stop:
            self._find(stopped=Stop(stop.reason, stop.message))
        rate_limit, calls = limits.rate_limits(self._provider.headers), self._provider.calls
        self._find(parameters=self._verdicts, rate_limit=rate_limit, calls=calls, tokens=self._provider.tokens)

    def _find(self, **values: Any) -> None:
        self.found = replace(self.found, **values)

    def _ask(self, what: str, body: Mapping[str, Any], *, system: bool = False) -> ProviderReply:
        return self._provider.ask(what, [*SYSTEM, *PROMPT] if system else PROMPT, {**self._cap, **body})

    def _first(self) -> None:
        """Get a first answer, and find the parameter that limits its length."""
        refusals = []
        for cap in CAPS:
            ((name, limit),) = cap.items()
            reply = self._ask(f"an answer with {name}: {limit}", cap)
            if reply.accepted:
                self._cap = cap
                self._verdicts[name] = _length_verdict(reply, limit)
                return
            refusals.append(reply)
            self._verdicts.setdefault(name, _refused(reply))
        raise Stopped("probe-refused" if refusals[0].status < 500 else "provider-error", refusals[0].message)

    def _choices(self) -> None:
        """The largest `n`."""
        refused: dict[int, str] = {}

        def granted(n: int) -> int:
            reply = self._ask(f"n: {n}", {"n": n})
            if not reply.accepted:
                refused[n] = reply.message
            return len(reply.choices)

        most = limits.largest(self._up_to, granted) if self._up_to > 1 else 1
        verdict = ACCEPTED if most == self._up_to else REFUSED if refused else DROPPED
        message = refused[min(refused)] if refused else ""
        self._find(n=LargestNumber(largest=most, asked=self._up_to, verdict=verdict, message=message))

    def _unknown(self) -> None:
        """Whether an unknown parameter is accepted, too: then acceptance proves nothing."""
        reply = self._ask("a key that nobody knows", UNKNOWN)
        self._find(unknown_accepted=reply.accepted)
        self._anything_goes = reply.accepted or reply.status >= 500

    def _all_parameters(self) -> None:
        """Ask with all parameters together; one by one if that is refused."""
        verdicts = self._verdicts
        together = dict(self._parameters)
        reply = self._ask("all parameters together", together, system=True)
        if reply.accepted:
            verdicts |= {name: self._verdict(name, reply) for name in ("system_message", *together)}
        else:
            verdicts |= {"system_message": self._alone("system_message", {}, system=True)}
            verdicts |= {name: self._alone(name, {name: value}) for name, value in together.items()}
            if all(verdicts[name].verdict != REFUSED for name in together):
                self._find(together_refused=reply.message)
        self._other_cap()

    def _other_cap(self) -> None:
        (name,) = self._cap
        other = OTHER_CAP[name]
        if other not in self._verdicts:
            reply = self._provider.ask(f"an answer with {other}: 1", PROMPT, {other: 1})
            self._verdicts[other] = _length_verdict(reply, 1) if reply.accepted else _refused(reply)

    def _alone(self, name: str, body: Mapping[str, Any], *, system: bool = False) -> ParameterVerdict:
        reply = self._ask(name, body, system=system)
        if reply.accepted:
            return self._verdict(name, reply)
        texts = body.get(name)
        if isinstance(texts, list) and len(texts) > 1:
            return self._fewer(name, texts, reply)
        return _refused(reply)

    def _fewer(self, name: str, texts: list[str], reply: ProviderReply) -> ParameterVerdict:
        """How many of the texts are accepted, if not all are."""

        def granted(number: int) -> int:
            if number == len(texts):
                return 0
            return number if self._ask(f"{name}: {number} texts", {name: texts[:number]}).accepted else 0

        return replace(_refused(reply), at_most=limits.largest(len(texts), granted))

    def _verdict(self, name: str, reply: ProviderReply) -> ParameterVerdict:
        """Of what was accepted."""
        if name == "logprobs":
            given = any(choice.get("logprobs") for choice in reply.choices)
            return ParameterVerdict(OBEYED) if given else ParameterVerdict(DROPPED, "the reply has none")
        return ParameterVerdict(UNREPORTED if self._anything_goes else ACCEPTED)

    def _length(self) -> None:
        """From the list of models; else from the refusal of an answer longer than any context. No long prompt is sent:
        an accepted long prompt costs money, while a refusal costs nothing and an answer to this one a few tokens."""
        listed = limits.listed_length(self._provider.models(), self._provider.model)
        if listed is not None:
            self._find(context=ContextLength(tokens=listed, source="list of models"))
            return
        (name,) = self._cap
        reply = self._provider.ask("an answer longer than any context", SHORT_PROMPT, {name: BEYOND_ANY_CONTEXT})
        if reply.accepted:
            return
        tokens, longest = limits.context_in(reply.message), limits.longest_answer_in(reply.message)
        self._find(
            context=ContextLength(tokens=tokens, longest_answer=longest, source="refusal", message=reply.message)
        )


def _length_verdict(reply: ProviderReply, limit: int) -> ParameterVerdict:
    if limits.length_obeyed(reply, limit):
        return ParameterVerdict(OBEYED)
    return ParameterVerdict(DROPPED, f"the answer has {reply.usage.get('completion_tokens')} tokens")


def _refused(reply: ProviderReply) -> ParameterVerdict:
    return ParameterVerdict(REFUSED, reply.message)


def arguments() -> argparse.Namespace:
    """The command line; no key on it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--targets", type=_targets, required=True,
        help="JSON: a list of objects with api_base, model (as the provider names it), key_variable, parameters, up_to",
    )  # fmt: skip
    parser.add_argument("--max-calls", type=int, required=True, help="for each target")
    parser.add_argument("--timeout", type=float, required=True)
    return parser.parse_args()


def _targets(text: str) -> list[AskedTarget]:
    return [read(AskedTarget, one) for one in json.loads(text)]


def main() -> None:
    """Asks about each target, and prints what is found; whatever litellm prints goes to standard error."""
    given, lines = arguments(), sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for target in given.targets:
            _report(lines, {"found": _found(target, given, lines).as_json()})


def _found(target: AskedTarget, given: argparse.Namespace, lines: IO[str]) -> Found:
    key = os.environ.get(target.key_variable) if target.key_variable else None
    provider = ProbedModel(
        target.api_base,
        target.model,
        key,
        given.timeout,
        given.max_calls,
        lambda what: _report(lines, {"asking": what}),
    )
    probe = Probe(provider, target.parameters, target.up_to)
    probe.run()
    return probe.found


def _report(lines: IO[str], value: Any) -> None:
    print(json.dumps(value), file=lines, flush=True)


if __name__ == "__main__":
    main()
