"""Formats a forecast: text for the terminal, Markdown for the pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from evalctl import columns
from evalctl.model.plan_file import CostEstimate, PlannedJob
from evalctl.model.walltime import clock
from evalctl.plan import kinds_text, power
from evalctl.plan.applied import Applied, Shown
from evalctl.plan.forecast import BLOCKED, REUSED, RUN, WAITING, EvalForecast, JobForecast, RequestForecast, counts
from evalctl.results.entries import shown
from evalctl.suggest import plural
from evalctl.terminal import plain
from evalctl_job.shards import read_key

_NOTHING = Shown()


def text(forecasts: Sequence[RequestForecast], settings: Applied, notes: Sequence[str] = ()) -> str:
    """Jobs with their evals, notes about their services, and a last line with the totals."""
    lines: list[str] = []
    for request in forecasts:
        if request.blocked:
            lines.append(f"{request.request}: blocked by an error (see above){_because(request)}")
        for job in request.jobs:
            lines += _job_lines(request, job, settings)
        lines += power.lines(request)
    return "\n".join([*lines, *_noted(notes), total_line(forecasts)])


def brief(forecasts: Sequence[RequestForecast], notes: Sequence[str] = ()) -> str:
    """One line per request that would run something."""
    lines = []
    for request in forecasts:
        running = [job for job in request.jobs if job.runs]
        if running or request.blocked:
            evals = counts([request]).get(RUN, 0)
            what = (
                f"blocked by an error{_because(request)}"
                if request.blocked
                else f"{plural(len(running), 'job')}, {plural(evals, 'eval')} to run"
            )
            lines.append(f"{request.request}: {what}")
    return "\n".join([*lines, *_noted(notes), total_line(forecasts)])


def _noted(notes: Sequence[str]) -> list[str]:
    return [f"note: {note}" for note in notes]


def _job_lines(request: RequestForecast, job: JobForecast, settings: Applied) -> list[str]:
    facts = job.job
    named = f" ({facts.custom_settings})" if facts.custom_settings else ""
    lines = [
        f"{request.request}: {facts.model}{named} on {facts.service}",
        f"  {facts.name}  {facts.node_kind}  {_time_and_cost(job)}",
    ]
    shown = settings.get(facts.name, _NOTHING)
    if job.runs and (placed := kinds_text.placed(facts)):
        lines += [f"  placed: {placed}", *[f"    or {line}" for line in kinds_text.others(facts)]]
    lines += [f"  {line}" for line in _reach(request, facts)]
    lines += [f"  all tasks: {shown.common}"] if shown.common else []
    width = max(columns.display_width(evaluation.words) for evaluation in job.evals)
    for evaluation in job.evals:
        detail = "  ".join(filter(None, (evaluation.detail, _own(shown, evaluation))))
        lines.append(
            f"    {evaluation.state:<12} {columns.padded(evaluation.words, width)}  {clock(evaluation.seconds)}  {detail}"
        )
    lines += [f"  advice: {line}" for line in facts.advice]
    if facts.trust_remote_code:
        lines.append("  ATTENTION: trust_remote_code: the model's repository runs its own code on the node")
    if facts.parser_plugin is not None:
        lines.append(f"  ATTENTION: reasoning_parser_plugin: {_plugin(facts)} runs on the node")
    return lines


def _own(shown: Shown, evaluation: EvalForecast) -> str:
    """The settings of its task that others of the job do not have."""
    return shown.own.get(read_key(evaluation.task)[0], "")


def _plugin(facts: PlannedJob) -> str:
    return f"{facts.parser_plugin} (sha256 {(facts.parser_plugin_sha256 or '')[:12]})"


def _because(request: RequestForecast) -> str:
    return f": {request.because}" if request.because else ""


def _time_and_cost(job: JobForecast) -> str:
    """Time and cost of the tasks that will run; tasks with results take no time and cost nothing."""
    if not job.runs:
        return "nothing to run"
    return f"at most {clock(job.walltime_seconds)}{_cost_text(job.cost)}"


def _reach(request: RequestForecast, facts: PlannedJob) -> list[str]:
    """Files that the job reads besides the Hub's model, where questions and the key are sent, and where results are uploaded."""
    lines = [f"model path: {facts.path}"] if facts.path else []
    if facts.address:
        key = ", without a key"
        if facts.key_variable:
            key = f", with the key {facts.key_variable}; what it charges for its answers is in no estimate here"
        lines.append(f"answered by: {facts.address}{key}")
    if request.upload is not None:
        seen = "private" if request.upload.private else "PUBLIC: everybody can read it"
        lines.append(f"uploads results and details to {request.upload.org} on the Hub ({seen})")
    return lines


def _cost_text(cost: CostEstimate | None) -> str:
    if cost is None:
        return ""
    held = f", {cost.held:g} held at the start" if cost.held is not None else ""
    money = f", {cost.worst * cost.currency_per_unit:,.0f} {cost.currency}" if cost.currency_per_unit else ""
    return f"  estimate: {cost.expected:g} {cost.unit}s, at most {cost.worst:g}{money}{held} (prices of {cost.checked})"


def total_line(forecasts: Iterable[RequestForecast]) -> str:
    """`2 jobs to submit: 17 evals to run, 3 reused; at most 24:20:00, 4.9 points`."""
    listed = list(forecasts)
    states = counts(listed)
    running = [job for request in listed for job in request.jobs if job.runs]
    blocked = sum(request.blocked for request in listed)
    reused = sum(number for state, number in states.items() if state.startswith("reused"))
    parts = [plural(states.get(RUN, 0), "eval") + " to run", f"{reused} reused"]
    parts += [f"{states[state]} {word}" for state, word in _OTHER_STATES.items() if states.get(state)]
    parts += [plural(blocked, "request") + " blocked by errors"] if blocked else []
    if not running:
        return f"nothing to submit: {', '.join(parts)}"
    return f"{plural(len(running), 'job')} to submit: {', '.join(parts)}; at most {_totals(running)}"


_OTHER_STATES = {WAITING: "waiting for another job", BLOCKED: "blocked"}


def _totals(running: Sequence[JobForecast]) -> str:
    """Hours and cost of each service separately: points of two sites are different units. Money is summed."""
    services = sorted({job.job.service for job in running})
    totals = {name: [job for job in running if job.job.service == name] for name in services}
    if len(services) == 1:
        return _service_total(running)
    money = _money(running)
    return "; ".join(
        [f"{name} {_service_total(totals[name])}" for name in services] + ([f"in all {money}"] if money else [])
    )


def _service_total(jobs: Sequence[JobForecast]) -> str:
    units: dict[str, float] = {}
    for cost in _costs(jobs):
        units[cost.unit] = units.get(cost.unit, 0.0) + cost.worst
    hours = clock(sum(job.walltime_seconds for job in jobs))
    amounts = [f"{amount:,.10g} {unit}s" for unit, amount in sorted(units.items())]
    return ", ".join([hours, *amounts, *filter(None, [_money(jobs)])])


def _money(jobs: Sequence[JobForecast]) -> str:
    """The sum of costs in money, by currency."""
    sums: dict[str, float] = {}
    for cost in _costs(jobs):
        if cost.currency and cost.currency_per_unit:
            sums[cost.currency] = sums.get(cost.currency, 0.0) + cost.worst * cost.currency_per_unit
    return " + ".join(f"{amount:,.0f} {currency}" for currency, amount in sorted(sums.items()))


def _costs(jobs: Sequence[JobForecast]) -> list[CostEstimate]:
    return [job.cost for job in jobs if job.cost is not None]


# ---- Markdown ---------------------------------------------------------------------------------------------------


def markdown(
    forecasts: Sequence[RequestForecast], settings: Applied, findings: Sequence[str], notes: Sequence[str] = ()
) -> str:
    """The plan for the pull request: totals first, then a table per request, then notes about the services."""
    lines = ["## evalctl plan", "", f"**{total_line(forecasts)}**", ""]
    if findings:
        lines += ["### Findings", "", *[f"- {cell(finding)}" for finding in findings], ""]
    for request in forecasts:
        lines += request_markdown(request, settings)
    if not forecasts:
        lines += ["No request changes its plan.", ""]
    if notes:
        lines += ["### Services", "", *[f"- {cell(note)}" for note in notes], ""]
    return "\n".join(lines)


def request_markdown(request: RequestForecast, settings: Applied) -> list[str]:
    """A request's jobs, settings and evals, as lines of Markdown."""
    lines = [f"### {cell(request.request)}", ""]
    if request.blocked:
        return [*lines, f"Blocked by an error; see the annotations{cell(_because(request))}.", ""]
    for job in request.jobs:
        facts = job.job
        named = f", settings `{facts.custom_settings}`" if facts.custom_settings else ""
        lines += [f"`{facts.model}`{named} on **{facts.service} {facts.node_kind}**, {_time_and_cost(job)}", ""]
        if facts.trust_remote_code:
            lines += [
                "> [!CAUTION]",
                "> `trust_remote_code`: the model's repository runs its own code on the node.",
                "",
            ]
        if facts.parser_plugin is not None:
            lines += ["> [!CAUTION]", f"> `reasoning_parser_plugin`: {cell(_plugin(facts))} runs on the node.", ""]
        lines += map(cell, kinds_text.markdown(facts) if job.runs else ())
        lines += [line for text in _reach(request, facts) for line in (cell(text), "")]
        lines += _evals_markdown(job, settings.get(facts.name, _NOTHING))
        lines += ["", *[f"- {cell(line)}" for line in facts.advice], ""]
    return [*lines, *_power_markdown(request)]


def _evals_markdown(job: JobForecast, shown: Shown) -> list[str]:
    lines = [f"All tasks: {cell(shown.common)}", ""] if shown.common else []
    lines += ["| task | | time | settings |", "|---|---|---:|---|"]
    for one in job.evals:
        own = cell(_own(shown, one))
        lines.append(f"| {one.words} | {cell(_state(one.state, one.detail))} | {clock(one.seconds)} | {own} |")
    return lines


def _power_markdown(request: RequestForecast) -> list[str]:
    if request.baseline is None or not request.shows:
        return []
    head = f"Against {cell(power.named(request.baseline))}, 8 of 10 comparisons will show these differences at 95 % ({power.METHOD}):"
    rows = [f"| {cell(one.entry)} | {shown(one.shows)} | {cell(power.basis(one))} |" for one in request.shows]
    remark = [note, ""] if (note := power.remark(request)) else []
    return [head, "", "| entry | difference | computed from |", "|---|---:|---|", *rows, "", *remark]


def _state(state: str, detail: str) -> str:
    if state == RUN:
        return f"run ({detail})"
    return state if state == REUSED else f"{state} {detail}"


def cell(text: str) -> str:
    """Text of a manifest inside Markdown: it cannot create a table cell, HTML, a mention or a link (platforms make links of bare
    addresses, so a character without width breaks them)."""
    escaped = plain(" ".join(text.splitlines())).replace("&", "&amp;").replace("<", "&lt;")
    escaped = escaped.replace("://", ":\u200b//").replace("www.", "www\u200b.")
    escaped = re.sub(r"\bGH-(?=[0-9])", "GH\u200b-", escaped)  # GitHub's name of an issue
    for mark in "\\`|*[]@#$~":
        escaped = escaped.replace(mark, f"\\{mark}") if mark != "@" else escaped.replace("@", "@\u200b")
    return escaped
