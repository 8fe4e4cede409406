"""Finds the reason why a task failed (one of evalctl's reasons) in logs and messages."""

from __future__ import annotations

import re

# Messages of providers for an account without credit or with its quota used up: OpenAI; Moonshot;
# DeepSeek, OpenRouter, Together; Anthropic; xAI; Fireworks; Zhipu; Alibaba; Volcengine; Cohere; Gemini's prepaid accounts; new-api.
_NO_CREDIT = (
    r"insufficient[_ ](quota|credits?|balance|funds)|billing_hard_limit|exceeded_current_quota|"
    r"credit balance is too low|(used all|n[o']t have any) (available )?credits|monthly spending limit|"
    r"key limit exceeded \((total|monthly|weekly|daily)|free-models-per-day|余额不足|欠费|\barrearage\b|account is in good standing|account_?overdue|"
    r"specified API usage limits|prepayment credits are depleted|insufficient_user_quota|额度不足|"
    r"API calls ?/ ?month|FreeTierOnly|free tier of the model has been exhausted"
)
_TOO_LONG = (
    r"maximum context length|context_length_exceeded|the prompt was cut: |longer than the maximum model length|"
    r"exceeds the maximum number of tokens|prompt is too long: \d+ tokens|"
    r"cannot be greater than `?max_model_len|more than max_model_len|exceeds (the )?max_model_len|"
    r"`inputs` tokens \+ `max_new_tokens` must be|you passed \d+ input tokens|exceeds? the available context size|exceeds the model'?s? context"
)
# First match wins: the specific before the general. Texts of lighteval 0.13, its fork, litellm 1.101, vLLM 0.32,
# datasets 4, huggingface_hub 0.36, providers' APIs as of 2026 and the relay.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("aborted", r"the job was aborted"),
        ("node-lost", r"due to node failure"),
        ("disk-full", r"no space left on device|disk quota exceeded|file too large"),
        ("out-of-memory", r"out of memory|OutOfMemoryError|MemoryError|cannot allocate memory"),
        ("answers-in-use", r"another job still writes the answers of this eval"),
        ("other-model", r"another model answered"),
        ("answers-repeated", r"a repeated reply: `"),
        ("questions-unanswered", r"the provider filtered it|the model called a tool|questions are without an answer"),
        ("port-taken", r"errno 98\b|address already in use"),
        ("parser-without-think-tags", r"could not locate think"),
        ("context-length", _TOO_LONG),
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
        ("quota-exhausted", rf"HTTP 402\b|{_NO_CREDIT}|exceeded your current quota"),
        (
            "authentication",
            r"HTTP 40[13]\b|AuthenticationError|PermissionDenied|(invalid|incorrect) api key|API key not valid|invalid user token|"
            r"invalid username or password|invalid credentials|40[13] client error",
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
# Refusals that only a person can resolve, whatever the status: OpenAI says with 429 that there is no credit, with which others
# ask to wait (Gemini's `exceeded your current quota`, too), and some servers say with 500 that a question is too long.
_LASTING = re.compile(f"{_NO_CREDIT}|{_TOO_LONG}", re.IGNORECASE)
# Reasons that concern the account or the server as a whole, not a question: `; all tasks` in evalctl/sync/reasons.md.
FOR_ALL_TASKS = frozenset({"authentication", "quota-exhausted", "model-not-found", "chat-template-missing"})
DECORATION = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[│╭╮╰╯─❱]")
# lighteval requests files of nltk at its start and works without them: this network error is not a reason.
IN_PASSING = re.compile(r"^\[nltk_data\].*$", re.MULTILINE)
LAST_WORDS = re.compile(r"^\s*[\w.]*(?:Error|Exception|Interrupt)\b.*", re.MULTILINE)


def plain(log: str) -> str:
    """A log without colours, without the frames that `rich` draws around tracebacks, and without nltk's messages."""
    return IN_PASSING.sub("", DECORATION.sub("", log))


def classify(text: str) -> str | None:
    """The reason that the text gives, or None. Line breaks do not matter: `rich` breaks messages anywhere."""
    line = " ".join(text.split())
    return next((reason for reason, pattern in PATTERNS if pattern.search(line)), None)


def is_lasting(refusal: str, *, known: bool) -> bool:
    """Whether the text of a refusal says that it is not transient; without a `known` status the whole text counts."""
    return _LASTING.search(refusal) is not None or (not known and classify(refusal) in FOR_ALL_TASKS)


def last_words(log: str) -> str:
    """The end of a log from its last exception on, or its last line."""
    errors = list(LAST_WORDS.finditer(log))
    tail = log[errors[-1].start() :] if errors else (log.strip().splitlines() or ["the log is empty"])[-1]
    return " ".join(tail.split())[:400]
