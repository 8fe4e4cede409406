"""The words of programs and providers, as they print them, and the reason that each gives."""

from __future__ import annotations

import pytest

from evalctl_job import reasons

VLLM_CONTEXT = (
    "HTTP 400: This model's maximum context length is 1024 tokens. However, you requested 2000 output tokens and your "
    "prompt contains at least 12 input tokens. Please reduce the length of the input prompt. (tried once)"
)
OPENAI_KEY = (
    "HTTP 401: Incorrect API key provided: [redacted]. You can find your API key at https://platform.openai.com"
)
HUB_GATED = (
    "huggingface_hub.errors.GatedRepoError: 403 Client Error.\n\nCannot access gated repo for url "
    "https://huggingface.co/meta-llama/Llama-3.1-8B/resolve/main/config.json.\nAccess to model meta-llama/Llama-3.1-8B "
    "is restricted and you are not in the authorized list."
)
HUB_MISSING = (
    "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error.\n\nRepository Not Found for url: https://hugging"
    "face.co/api/models/no/such.\nPlease make sure you specified the correct `repo_id` and `repo_type`.\nIf you are "
    "trying to access a private or gated repo, make sure you are authenticated."
)
GEMINI_LONG = "HTTP 400: The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
GEMINI_MODEL = (
    "HTTP 404: models/gemini-99 is not found for API version v1main, or is not supported for generateContent."
)
OPENAI_MODEL = "HTTP 404: The model `gpt-99` does not exist or you do not have access to it. (tried once)"
OPENAI_QUOTA = "HTTP 429: You exceeded your current quota, please check your plan and billing details. (tried 20 times)"
SLURM_NODE = (
    "slurmstepd: error: *** JOB 71 ON c1 CANCELLED AT 2026-11-24T08:00:00 DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***"
)
HUB_AWAY = (
    "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max "
    'retries exceeded with url: /api/datasets/x/y (Caused by NameResolutionError("Failed to resolve '
    "'huggingface.co'\"))\"))"
)
HUB_SLOW = "ReadTimeout: (ReadTimeoutError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Read timed out.\"))"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has", "out-of-memory"),
        ("OSError: [Errno 12] Cannot allocate memory", "out-of-memory"),
        ("OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 80): in use", "port-taken"),
        (HUB_GATED, "gated-model"),
        ("DatasetNotFoundError: Dataset 'x/y' is a gated dataset on the Hub. Visit the dataset page", "gated-model"),
        ("requests.exceptions.HTTPError: Invalid user token.", "authentication"),
        ("HTTP 401: Unauthorized (tried once)", "authentication"),
        (OPENAI_KEY, "authentication"),
        ("HTTP 400: API key not valid. Please pass a valid API key. (tried once)", "authentication"),
        ("HTTP 403: Your request was blocked. (tried once)", "authentication"),
        ("HTTP 429: Rate limit reached for gpt-4o in organization org-x on tokens per min", "rate-limit"),
        (OPENAI_QUOTA, "quota-exhausted"),
        ("HTTP 404: The model `tiny/other` does not exist. (tried once)", "model-not-found"),
        (OPENAI_MODEL, "model-not-found"),
        (GEMINI_MODEL, "model-not-found"),
        (HUB_MISSING, "model-not-found"),
        (
            "RuntimeError: DeepSeek R1 reasoning parser could not locate think start/end tokens in the tokenizer!",
            "parser-without-think-tags",
        ),
        (VLLM_CONTEXT, "context-length"),
        (GEMINI_LONG, "context-length"),
        ("HTTP 400: prompt is too long: 210000 tokens > 200000 maximum (tried once)", "context-length"),
        (
            "HTTP 400: max_completion_tokens=16384 cannot be greater than max_model_len=max_total_tokens=4096. Please "
            "request fewer output tokens. (tried once)",
            "context-length",
        ),
        ("HTTP 400: max_tokens=9 cannot be greater than max_model_len=8. (tried once)", "context-length"),
        ("HTTP 400: You passed 8193 input tokens and requested 0 output tokens. (tried once)", "context-length"),
        (
            "HTTP 400: As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat "
            "template if the tokenizer does not define one. (tried once)",
            "chat-template-missing",
        ),
        (
            "HTTP 402: Insufficient credits. Add more using https://openrouter.ai/credits (tried once)",
            "quota-exhausted",
        ),
        ("HTTP 402: Insufficient Balance (tried once)", "quota-exhausted"),
        ("HTTP 403: Your newly created team doesn't have any credits yet. (tried once)", "quota-exhausted"),
        (
            "HTTP 403: Your team has used all available credits or reached its monthly spending limit.",
            "quota-exhausted",
        ),
        ("HTTP 403: Key limit exceeded (total limit). Manage it using https://openrouter.ai", "quota-exhausted"),
        ("HTTP 403: API key limit exceeded for this minute", "authentication"),
        ("HTTP 400: Your credit balance is too low to access the Anthropic API. (tried once)", "quota-exhausted"),
        ("HTTP 412: Account x is suspended, possibly due to reaching the monthly spending limit", "quota-exhausted"),
        ("HTTP 400: please make sure your account is in good standing. [Arrearage]", "quota-exhausted"),
        ("HTTP 400: the request exceeds the available context size. try increasing it", "context-length"),
        ("HTTP 401: Incorrect API key provided (tried once)", "authentication"),
        ("HTTP 429: You have no more of it. [insufficient_quota] (tried once)", "quota-exhausted"),
        ("another model answered: cheap/other-1B instead of m (tried once)", "other-model"),
        ("a repeated reply: `x` has answered before; a cache is before the model (tried 3 times)", "answers-repeated"),
        (
            "the prompt was cut: 1610 characters were sent, and the server counted 9 tokens (tried once)",
            "context-length",
        ),
        ("no answer: the provider filtered it (content_filter) (tried 3 times)", "questions-unanswered"),
        ("more than 2 questions are without an answer: the answer is empty", "questions-unanswered"),
        (
            "the answers cannot be kept in t.answers.jsonl: another job still writes the answers of this eval",
            "answers-in-use",
        ),
        ("the model did not answer in time (tried 3 times)", "request-timeout"),
        ("litellm.Timeout: APITimeoutError - Request timed out. Error_str: Request timed out.", "request-timeout"),
        (SLURM_NODE, "node-lost"),
        ("the answer could not be kept: No space left on device", "disk-full"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk-full"),
        ("the answer could not be kept: File too large", "disk-full"),
        ("ConnectionError: Couldn't reach 'x/y' on the\nHub (OfflineModeIsEnabled)", "dataset-unreachable"),
        ("DatasetNotFoundError: Dataset 'x/y' doesn't exist on the Hub or cannot be accessed.", "dataset-unreachable"),
        (HUB_AWAY, "dataset-unreachable"),
        (HUB_SLOW, "dataset-unreachable"),
        ("no connection to 127.0.0.1: ClientConnectorError: Cannot connect to host 127.0.0.1:80", "server-died"),
        ("HTTP 500: EngineCore encountered an issue. See stack trace (above): EngineDeadError", "server-died"),
        ("no connection to api.openai.com: ClientConnectorDNSError: Cannot connect to host", "provider-unreachable"),
        ("the job was aborted", "aborted"),
        ("ValueError: Cannot find task nope in task list or in custom task registry", "unknown-task"),
        ("ValueError: Cannot find tasks swallow|nope in task list", "unknown-task"),
        ("KeyError: 'x'", None),
    ],
)
def test_a_text_gives_its_reason(text: str, reason: str | None) -> None:
    """Each known message has its word; an unknown one has none."""
    assert reasons.classify(text) == reason


def test_last_words_are_the_last_exception() -> None:
    """Of a long log with two tracebacks, the message of the last one is told, on one line and without frames."""
    log = reasons.plain("INFO start\nValueError: first\n\x1b[31m│ code │\x1b[0m\nKeyError: 'second\nline'\n")
    assert reasons.last_words(log) == "KeyError: 'second line'"
    assert reasons.last_words("") == "the log is empty"
    assert reasons.last_words("first\nsecond\nthird\n") == "third"
    assert reasons.last_words("x" * 500) == "x" * 400


def test_what_nltk_complains_of_in_passing_is_no_reason() -> None:
    """lighteval asks for its files at each start; behind a proxy that refuses, the log begins with that (seen: 0.13)."""
    log = (
        "[nltk_data] Error loading punkt: <urlopen error [Errno 111]\n[nltk_data]     Connection refused>\n"
        "ValueError: the metric failed\n"
    )
    assert reasons.classify(log) == "server-died"
    assert reasons.classify(reasons.plain(log)) is None
    assert reasons.last_words(reasons.plain(log)) == "ValueError: the metric failed"


@pytest.mark.parametrize(
    ("refusal", "known", "lasting"),
    [
        ("HTTP 429: You have no more of it. [insufficient_quota]", True, True),
        ("HTTP 429: your account is suspended, please check your plan [exceeded_current_quota_error]", True, True),
        ("HTTP 429: 余额不足或无可用资源包,请充值。 [1113]", True, True),
        ("HTTP 429: You are using a Trial key, which is limited to 1000 API calls / month.", True, True),
        ("HTTP 500: the request exceeds the available context size", True, True),
        ("HTTP 429: You exceeded your current quota. Please retry in 12s.", True, False),  # Gemini, by the minute
        ("HTTP 429: Rate limit reached on tokens per day (TPD). Please try again in 7m12s.", True, False),
        ("HTTP 503: Invalid API key", True, False),
        ("HTTP 200 with an error: Invalid API key", False, True),
        ("HTTP 200 with an error: insufficient balance", False, True),
        ("HTTP 200 with an error: busy", False, False),
    ],
)
def test_a_refusal_that_only_a_person_ends_is_known_by_its_words(refusal: str, known: bool, lasting: bool) -> None:
    """Whatever its status; where an error has none, all of its words count."""
    assert reasons.is_lasting(refusal, known=known) is lasting


@pytest.mark.parametrize(
    ("refusal", "known", "unknown"),
    [("HTTP 429: insufficient_quota", True, True), ("HTTP 500: maximum context length is 7", True, True), ("HTTP 401: wrong key", False, True),
     ("HTTP 404: the model `m` does not exist", False, True), ("must provide a chat template", False, True), ("HTTP 402: pay", False, True),
     ("HTTP 429: rate limit", False, False), ("in new words", False, False), ("CREDIT balance is too LOW", True, True)],
)  # fmt: skip
def test_a_refusal_lasts_by_its_words_or_by_its_reason(refusal: str, known: bool, unknown: bool) -> None:
    """Where the status is known, it decides about what the reason would say."""
    assert reasons.is_lasting(refusal, known=True) is known
    assert reasons.is_lasting(refusal, known=False) is unknown
