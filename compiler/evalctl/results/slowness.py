"""Why an eval is slow, by the manual's three causes (3.6), and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalctl.results.answers import Summary

MANY = 0.05  # a share of looping or truncated answers from which the whole eval is slowed down
FULL = 0.95  # of the cache


def causes(summary: Summary, server: Mapping[str, Any] | None) -> list[str]:
    """A sentence per cause with its remedy; `server` is the relay's server.json, None where there is none."""
    return [*_of_answers(summary), *(_of_server(server) if server else ())]


def _of_answers(summary: Summary) -> Iterator[str]:
    if summary.answers and summary.repeating / summary.answers >= MANY:
        yield (
            f"repetition: {summary.repeating} of {summary.answers} answers loop until they end; "
            "tell who asked for it, then lower max_model_length to 8192 (an override of the request)"
        )
    if summary.answers and summary.truncated / summary.answers >= MANY:
        yield (
            f"length: {summary.truncated} of {summary.answers} answers were cut off at the length limit; "
            "look at them (--truncated) before raising max_new_tokens or max_model_length"
        )


def _of_server(server: Mapping[str, Any]) -> Iterator[str]:
    preemptions, cache = server.get("preemptions", 0), server.get("highest_cache_use", 0.0)
    if preemptions or cache >= FULL:
        yield (
            f"too little memory: {preemptions} preemptions, cache up to {cache:.0%} full; "
            "a larger node kind, or a smaller max_model_length"
        )
    elif server.get("queued_seconds", 0) and server.get("admission") == "fixed":
        yield (
            f"too little concurrency: requests waited {server['queued_seconds']:.0f} s for a fixed limit of "
            f"{server.get('limit')} with the cache at most {cache:.0%} full; `concurrency: auto`, or a larger number"
        )
    if server.get("refusals", 0):
        yield f"rate limit: the server refused {server['refusals']} times; a smaller `concurrency`"
