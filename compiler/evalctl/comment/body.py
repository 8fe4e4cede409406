"""The text of the comment, in Markdown: the verdict and the totals first, then what needs a person, then everything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evalctl.comment.fitting import CommentPart, fitted
from evalctl.comment.links import Links
from evalctl.model.diagnostic import ERROR, WARNING, Diagnostic
from evalctl.model.plan_file import CostEstimate
from evalctl.model.walltime import clock
from evalctl.plan.applied import Applied
from evalctl.plan.forecast import BLOCKED, RUN, WAITING, JobForecast, RequestForecast, counts
from evalctl.plan.pages import cell, request_markdown, total_line
from evalctl.suggest import plural

MARKER = "<!-- evalctl: the plan of this pull request -->"
_CHANGES = frozenset({"change-to-review", "changed-by-hand", "result-touched", "unproven-result"})


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What a pull request would do: forecasts of the requests that it changes, findings, notes about services."""

    forecasts: Sequence[RequestForecast]
    settings: Applied
    findings: Sequence[Diagnostic]
    notes: Sequence[str]


def body(planned: PlannedChange, links: Links) -> str:
    """The whole comment; the same input gives the same text."""
    errors = [one for one in planned.findings if one.severity == ERROR]
    changes = [one for one in planned.findings if one.code in _CHANGES and one.severity != ERROR]
    others = [one for one in planned.findings if one.severity != ERROR and one.code not in _CHANGES]
    return fitted(
        [
            CommentPart(
                f"{MARKER}\n## {_verdict(planned, errors)}\n\n**{total_line(planned.forecasts)}**\n\n", _totals(planned)
            ),
            _findings("Errors", errors, links, 0.3),
            _findings("Changes that a person must look at", changes, links, 0.3),
            CommentPart(
                "### Requests\n\n" if planned.forecasts else "", _overview(planned.forecasts), "\n", _more_requests, 0.3
            ),
            _findings("Advice and warnings", others, links, 0.15),
            CommentPart(
                "### Services\n\n" if planned.notes else "", [f"- {cell(note)}\n" for note in planned.notes], "\n"
            ),
            _details(planned),
        ]
    )


def _verdict(planned: PlannedChange, errors: Sequence[Diagnostic]) -> str:
    """One line: whether something must be corrected, and whether anything would run."""
    if errors or any(one.blocked for one in planned.forecasts):
        return f"evalctl: {plural(len(errors), 'error')} to correct" if errors else "evalctl: blocked by errors"
    if not planned.forecasts:
        return "evalctl: no request changes its plan"
    running = sum(job.runs for one in planned.forecasts for job in one.jobs)
    return "evalctl: no errors; " + (f"{plural(running, 'job')} would run" if running else "nothing would run")


def _totals(planned: PlannedChange) -> list[str]:
    """A row per service: points of two sites are different units."""
    running = [job for one in planned.forecasts for job in one.jobs if job.runs]
    if not running:
        return []
    rows = [
        f"| {cell(name)} | {len(jobs)} | {sum(one.state == RUN for job in jobs for one in job.evals)} "
        f"| {clock(sum(job.walltime_seconds for job in jobs))} | {_amounts(jobs, 'expected')} | {_amounts(jobs, 'worst')} |\n"
        for name in sorted({job.job.service for job in running})
        for jobs in [[job for job in running if job.job.service == name]]
    ]
    return [
        "| service | jobs | evals | hours at most | cost expected | cost at most |\n|---|---:|---:|---:|---:|---:|\n",
        *rows,
        "\n",
    ]


def _amounts(jobs: Iterable[JobForecast], which: str) -> str:
    """Points and, where the service names a price, money."""
    amounts: dict[str, float] = {}
    for cost in (job.cost for job in jobs if job.cost is not None):
        for unit, amount in _in_units(cost, getattr(cost, which)):
            amounts[unit] = amounts.get(unit, 0.0) + amount
    return ", ".join(f"{amount:,.10g} {cell(unit)}" for unit, amount in amounts.items()) or "no price"


def _in_units(cost: CostEstimate, amount: float) -> list[tuple[str, float]]:
    money = (
        [(cost.currency, round(amount * cost.currency_per_unit))] if cost.currency and cost.currency_per_unit else []
    )
    return [(f"{cost.unit}s", round(amount, 4)), *money]


def _findings(title: str, findings: Sequence[Diagnostic], links: Links, share: float) -> CommentPart:
    """A list with a link for each finding; nothing where there is none."""
    lines = [f"- {_linked(one, links)}: {cell(one.message)}{_help(one)}\n" for one in findings]
    return CommentPart(f"### {title}\n\n" if lines else "", lines, "\n" if lines else "", _more_findings, share)


def _linked(one: Diagnostic, links: Links) -> str:
    place = cell(f"{one.span.file}:{one.span.line}")
    address = links.to(one.span)
    mark = "" if one.severity != WARNING else "warning, "
    return mark + (f"[{place}]({address})" if address else place)


def _help(one: Diagnostic) -> str:
    return f" ({cell(one.help)})" if one.help else ""


def _more_findings(left: int) -> str:
    return f"- … and {left} more: `evalctl check --base` lists all of them"


def _overview(forecasts: Sequence[RequestForecast]) -> list[str]:
    """A line per request: what is new, changed and reused."""
    return [f"- {cell(one.request)}: {_what(one)}\n" for one in forecasts]


def _what(request: RequestForecast) -> str:
    if request.blocked:
        return f"**blocked**{cell(f': {request.because}' if request.because else ' by an error')}"
    states = counts([request])
    words = {RUN: "to run", WAITING: "waiting", BLOCKED: "blocked"}
    parts = [f"{states[state]} {word}" for state, word in words.items() if states.get(state)]
    reused = sum(number for state, number in states.items() if state.startswith("reused"))
    running = [job for job in request.jobs if job.runs]
    cost = (
        f"; at most {clock(sum(job.walltime_seconds for job in running))}, {_amounts(running, 'worst')}"
        if running
        else ""
    )
    return ", ".join(filter(None, [*parts, f"{reused} reused" if reused else ""])) + cost


def _more_requests(left: int) -> str:
    return f"- … and {plural(left, 'more request')}; the totals above include them, `evalctl plan --base` lists all"


def _details(planned: PlannedChange) -> CommentPart:
    """Each request folded: its jobs, settings and evals with old and new values."""
    lines = [
        f"<details><summary>{cell(one.request)}</summary>\n\n"
        + "\n".join(request_markdown(one, planned.settings)[2:])
        + "\n</details>\n\n"
        for one in planned.forecasts
        if not one.blocked
    ]
    return CommentPart(
        "### Details\n\n" if lines else "", lines, "", lambda left: f"… and {plural(left, 'more request')}"
    )
