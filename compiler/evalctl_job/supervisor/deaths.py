"""Finds the reason of a server's death in its log."""

from __future__ import annotations

import re

# Messages of vLLM 0.9 to 0.33, PyTorch, transformers, huggingface_hub and the kernel; the first that fits counts. vLLM only
# warns of `Address already in use` and tries another port, and the Hub answers 401 for a model that does not exist.
PATTERNS = tuple(
    (reason, re.compile(pattern))
    for reason, pattern in (
        ("port-taken", r"Errno 98"),
        ("disk-full", r"No space left on device|Disk quota exceeded"),
        ("parser-without-think-tags", r"could not locate think|think start/end token"),
        ("gated-model", r"GatedRepoError|gated repo|Access to model .* is restricted"),
        (
            "model-not-found",
            r"RepositoryNotFound|Repository Not Found|RevisionNotFound|Revision Not Found|not a valid model identifier|"
            r"LocalEntryNotFound|does not appear to have a file|outgoing traffic has been disabled",
        ),
        ("authentication", r"401 Client Error|403 Client Error|Invalid user token|Invalid username or password"),
        ("custom-code", r"contains custom code which must be executed|execute custom code"),
        ("unsupported-model", r"Model architectures .* are not supported"),
        ("context-length", r"greater than the derived max_model_len|maximum context length"),
        (
            "out-of-memory",
            r"OutOfMemory|out of memory|Cannot allocate memory|No available memory for the cache|less than desired|"
            r"larger than the available KV cache memory",
        ),
        ("gpu-error", r"CUDA error|NCCL error|Xid|uncorrectable ECC"),
    )
)
_COMPLAINT = re.compile(r"Error|Exception|Killed|Segmentation fault")
LAST_LINES = 300


def death(log: str, status: int) -> tuple[str, str]:
    """Reason and detail: a known message near the end of the log, else its last error message."""
    lines = log.splitlines()[-LAST_LINES:]
    for reason, pattern in PATTERNS:
        for line in lines:
            if pattern.search(line):
                return reason, line
    complaints = [line for line in lines if _COMPLAINT.search(line)]
    if complaints:
        return "server-died", f"exit status {status}: {complaints[-1]}"
    return "server-died", f"exit status {status}, last line: {lines[-1] if lines else ''}"
