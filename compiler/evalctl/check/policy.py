"""Reads manifests/policy.yaml and checks the names of its services and groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from evalctl.check.schema import validated
from evalctl.check.secrets import secrets_in
from evalctl.check.unknown_names import unknown
from evalctl.load import yaml_source
from evalctl.load.places import POLICY
from evalctl.model.diagnostic import Diagnostic, has_errors
from evalctl.model.document import Document
from evalctl.model.policy import Policy


def checked(text: str, services: Collection[str] | None) -> tuple[Policy | None, list[Diagnostic]]:
    """The policy in `text`, None where it has a mistake, and its findings; `services` None: names are not looked up."""
    problems = secrets_in(POLICY, text)
    document, found = yaml_source.parse(text, POLICY)
    problems += found
    policy, found = (None, []) if document is None else validated("policy", document)
    problems += found
    if document is not None and policy is not None and services is not None:
        problems += _names(document, policy, services)
    return (None if has_errors(problems) else policy), problems


def _names(document: Document, policy: Policy, services: Collection[str]) -> Iterator[Diagnostic]:
    for key in ("budgets", "approvals"):
        for index, one in enumerate(getattr(policy, key)):
            if one.service is not None and one.service not in services:
                yield unknown(
                    "unknown-service", "service", one.service, services, document.span((key, index, "service"))
                )
    for index, budget in enumerate(policy.budgets):
        if budget.group is not None and budget.group not in policy.groups:
            span = document.span(("budgets", index, "group"))
            yield unknown("unknown-group", "group", budget.group, policy.groups, span, "add it under `groups:`")
