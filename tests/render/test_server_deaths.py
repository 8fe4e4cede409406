"""What a dead server's log says is told in one word of evalctl's; the texts are those of the named programs."""

from __future__ import annotations

import pytest

from evalctl_job.supervisor.deaths import death

WARNING = "WARNING [parallel.py:746] Address already in use. Retrying with a new port."


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        pytest.param("port-taken", "OSError: [Errno 98] Address already in use", id="vllm-0.32-port"),
        pytest.param(
            "disk-full", "OSError: [Errno 28] No space left on device: '/caches/hub/blobs/1'", id="kernel-disk"
        ),
        pytest.param("disk-full", "OSError: [Errno 122] Disk quota exceeded", id="kernel-quota"),
        pytest.param(
            "parser-without-think-tags",
            "RuntimeError: DeepSeekR1ReasoningParser reasoning parser could not locate think start/end tokens in the "
            "tokenizer!",
            id="vllm-0.32-parser",
        ),
        pytest.param(
            "gated-model",
            "Access to model meta-llama/X is restricted and you are not in the authorized list. Visit "
            "https://huggingface.co/meta-llama/X to ask for access.",
            id="hub-gated",
        ),
        pytest.param("gated-model", "Cannot access gated repo for url https://huggingface.co/a/b.", id="hub-gated-url"),
        pytest.param(
            "model-not-found",
            "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: PvMw)",
            id="hub-unknown-model-is-401",
        ),
        pytest.param(
            "model-not-found",
            "OSError: org/model is not a local folder and is not a valid model identifier listed on the Hub",
            id="transformers-unknown-model",
        ),
        pytest.param(
            "model-not-found",
            "LocalEntryNotFoundError: Cannot find the requested files in the disk cache and outgoing traffic has been "
            "disabled.",
            id="hub-offline",
        ),
        pytest.param("authentication", "requests.exceptions.HTTPError: Invalid user token.", id="hub-token"),
        pytest.param("authentication", "HfHubHTTPError: 403 Client Error: Forbidden for url", id="hub-403"),
        pytest.param(
            "custom-code",
            "ValueError: The repository org/model contains custom code which must be executed to correctly load the "
            "model. Please pass the argument `trust_remote_code=True` to allow custom code to be run.",
            id="transformers-custom-code",
        ),
        pytest.param(
            "unsupported-model",
            "pydantic_core.ValidationError: Model architectures ['NewForCausalLM'] are not supported for now.",
            id="vllm-0.32-architecture",
        ),
        pytest.param(
            "context-length",
            "Value error, User-specified max_model_len (65536) is greater than the derived max_model_len "
            "(max_position_embeddings=4096 or model_max_length=None in model's config.json).",
            id="vllm-0.32-length",
        ),
        pytest.param(
            "out-of-memory",
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 93 GiB",
            id="torch-memory",
        ),
        pytest.param(
            "out-of-memory",
            "ValueError: To serve at least one request with the model's max seq len (131072), (16.00 GiB KV cache is "
            "needed, which is larger than the available KV cache memory (9.10 GiB). Try increasing …",
            id="vllm-0.32-cache",
        ),
        pytest.param(
            "out-of-memory", "ValueError: No available memory for the cache blocks. Try …", id="vllm-no-cache"
        ),
        pytest.param("gpu-error", "RuntimeError: CUDA error: an illegal memory access was encountered", id="cuda"),
        pytest.param("server-died", "ValueError: something that nobody has met yet", id="unknown"),
    ],
)
def test_a_death_has_a_reason(reason: str, text: str) -> None:
    """The line that tells it is kept, whatever stands around it."""
    told = told_by(f"{WARNING}\nTraceback (most recent call last):\n{text}\nlast words\n")
    assert told[0] == reason
    assert text[:60] in told[1]


def told_by(log: str) -> tuple[str, str]:
    """Reason and detail of a server that left with status 1."""
    return death(log, 1)
