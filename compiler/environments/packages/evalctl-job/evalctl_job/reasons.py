"""Why a task failed, in one word that the rest of evalctl knows."""

from __future__ import annotations

import re

# First match wins: the specific before the general. Texts of lighteval 0.13, its fork, litellm 1.101, vLLM 0.32,
# datasets 4, huggingface_hub 0.36, providers' APIs as of 2026 and the relay.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("aborted", r"the job was aborted"),
        ("node-lost", r"due to node failure"),
        ("disk-full", r"no space left on device|disk quota exceeded|file too large"),
        ("out-of-memory", r"out of memory|OutOfMemoryError|MemoryError|cannot allocate memory"),
        ("answers-in-use", r"another relay is at work on them"),
        ("other-model", r"another model answered"),
        ("questions-unanswered", r"the provider filtered it|the model called a tool|questions are without an answer"),
        ("port-taken", r"errno 98\b|address already in use"),
        ("parser-without-think-tags", r"could not locate think"),
        (
            "context-length",
            r"maximum context length|context_length_exceeded|longer than the maximum model length|"
            r"exceeds the maximum number of tokens|prompt is too long: \d+ tokens|"
            r"cannot be greater than `?max_model_len|more than max_model_len|exceeds (the )?max_model_len|"
            r"you passed \d+ input tokens",
        ),
        (
            "chat-template-missing",
            r"default chat template is no longer allowed|tokenizer\.chat_template is not set|must provide a chat template",
        ),
        ("gated-model", r"cannot access gated repo|is a gated dataset|access to (model|dataset) \S+ is restricted"),
        (
            "model-not-found",
            # The Hub answers 401 for a repository that is not there: it comes before the bad token.
            r"the model `[^`]*` does not exist|model_not_found|repository not found|revision not found|"
            r"models/\S+ is not found|model: \S+ \(?not_found",
        ),
        (
            "authentication",
            r"HTTP 40[13]\b|AuthenticationError|PermissionDenied|invalid api key|API key not valid|invalid user token|"
            r"invalid username or password|invalid credentials|40[13] client error",
        ),
        (
            "quota-exhausted",
            r"HTTP 402\b|insufficient_quota|insufficient (credits|balance|funds)|exceeded your current quota|"
            r"billing_hard_limit",
        ),
        ("rate-limit", r"HTTP 429\b|RateLimitError|rate limit|429 client error"),
        ("unknown-task", r"cannot find tasks? |cannot get task info|is not in the task registry"),
        (
            "dataset-unreachable",
            r"DatasetNotFoundError|DataFilesNotFoundError|OfflineModeIsEnabled|LocalEntryNotFoundError|couldn't reach|"
            r"couldn't find cache for|NameResolutionError|cannot send a request to|offline mode is enabled|"
            r"host='\S+', port=443\)",
        ),
        ("request-timeout", r"did not answer in time|APITimeoutError"),
        ("provider-unreachable", r"no connection to (?!127\.0\.0\.1|localhost|::1)"),
        (
            "server-died",
            r"no connection to|connection refused|EngineDeadError|engine core .*(died|fail)|HTTP 50[234]\b",
        ),
    )
)
DECORATION = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[│╭╮╰╯─❱]")
# lighteval asks for files of nltk when it starts and does well without: that no network answered is no reason.
IN_PASSING = re.compile(r"^\[nltk_data\].*$", re.MULTILINE)
LAST_WORDS = re.compile(r"^\s*[\w.]*(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)


def plain(log: str) -> str:
    """A log without colours, without the frames that `rich` draws around tracebacks, and without nltk's complaints."""
    return IN_PASSING.sub("", DECORATION.sub("", log))


def classify(text: str) -> str | None:
    """The reason that the text gives, or None. Line breaks do not matter: `rich` breaks messages anywhere."""
    line = " ".join(text.split())
    return next((reason for reason, pattern in PATTERNS if pattern.search(line)), None)


def last_words(log: str) -> str:
    """The end of a log from its last exception on, or its last line."""
    errors = list(LAST_WORDS.finditer(log))
    tail = log[errors[-1].start() :] if errors else (log.strip().splitlines() or ["the log is empty"])[-1]
    return " ".join(tail.split())[:400]
