"""Why a task failed, in one word that the rest of evalctl knows."""

from __future__ import annotations

import re

# First match wins: the specific before the general. Texts of lighteval 0.13, its fork, litellm 1.101, vLLM 0.32,
# datasets 4 and of the relay.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("aborted", r"the job was aborted"),
        ("disk-full", r"no space left on device|disk quota exceeded"),
        ("out-of-memory", r"out of memory|OutOfMemoryError|MemoryError|cannot allocate memory"),
        ("context-length", r"maximum context length|context_length_exceeded|longer than the maximum model length"),
        ("authentication", r"HTTP 40[13]\b|AuthenticationError|PermissionDenied|invalid api key|gated (repo|dataset)"),
        ("rate-limit", r"HTTP 429\b|RateLimitError|rate limit|insufficient_quota"),
        ("unknown-task", r"cannot find tasks? |cannot get task info|is not in the task registry"),
        (
            "dataset-unreachable",
            r"DatasetNotFoundError|DataFilesNotFoundError|OfflineModeIsEnabled|LocalEntryNotFoundError|couldn't reach|"
            r"couldn't find cache for|NameResolutionError|cannot send a request to|offline mode is enabled",
        ),
        ("server-died", r"no connection:|connection refused|EngineDeadError|engine core .*(died|fail)|HTTP 50[234]\b"),
        ("request-timeout", r"did not answer in time"),
    )
)
DECORATION = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[│╭╮╰╯─❱]")
LAST_WORDS = re.compile(r"^\s*[\w.]*(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)


def plain(log: str) -> str:
    """A log without colours and without the frames that `rich` draws around tracebacks."""
    return DECORATION.sub("", log)


def classify(text: str) -> str | None:
    """The reason that the text gives, or None. Line breaks do not matter: `rich` breaks messages anywhere."""
    line = " ".join(text.split())
    return next((reason for reason, pattern in PATTERNS if pattern.search(line)), None)


def last_words(log: str) -> str:
    """The end of a log from its last exception on, or its last line."""
    errors = list(LAST_WORDS.finditer(log))
    tail = log[errors[-1].start() :] if errors else (log.strip().splitlines() or ["the log is empty"])[-1]
    return " ".join(tail.split())[:400]
