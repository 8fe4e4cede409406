"""Why an attempt failed: which reasons are worth another try by themselves, and what a person does about the others."""

from __future__ import annotations

from collections.abc import Iterable

# Reasons are the words of the job script (render/job.sh) and of its acceptance check (evalctl_job.reasons).
_TRANSIENT = frozenset(
    {
        "lost", "timeout", "server-died", "server-start-timeout", "relay-died", "port-taken", "rate-limit",
        "dataset-unreachable", "request-timeout", "answers-failed", "answers-missing", "aborted", "task-lost",
        "node-lost", "job-killed", "provider-unreachable", "not-run", "gpu-error", "hub-unreachable",
        "weights-unseen", "answers-in-use", "framework-stalled",
    }
)  # fmt: skip
# Not this job's fault, and not a person's: it waits until its weights are there.
_AWAITED = frozenset({"weights-missing", "hub-unreachable"})
_ADVICE = {
    "weights-missing": "they come into the Hub's cache first: evalctl sync brings them, or a job of their own",
    "hub-unreachable": "the next evalctl sync tries again",
    "download-failed": "mend that, then: evalctl sync",
    "hub-offline": "take HF_HUB_OFFLINE out of .env (with predownload: true the job's server is offline anyway), then: "
    "evalctl retry",
    "weights-unseen": "the job's node keeps them where this one does not see them: name a folder that both see, "
    "HF_HUB_CACHE in .env, then: evalctl retry",
    "weights-changed": "its files are not those of the model card: put them back and type evalctl retry, or lock the "
    "checkpoint again (evalctl lock --path FOLDER MODEL), evalctl compile, commit, then: evalctl sync",
    "weights-unreadable": "make the folder readable on this machine, then: evalctl sync",
    "script-missing": "evalctl compile, commit generated/, then: evalctl sync",
    "env-variable-missing": "`submit_args` of the service name it: put it into .env, then: evalctl sync",
    "environment-not-built": "this job environment is not there or not whole: evalctl env setup, then: evalctl sync",
    "secret-not-set": "the job would end at once: put it into .env, then: evalctl sync",
    "secret-missing": "put the key into .env, then: evalctl retry",
    "environment-missing": "evalctl env setup, then: evalctl retry",
    "authentication": "check the key or token in .env, then: evalctl retry",
    "gated-model": "accept the model's licence with the account of HF_TOKEN, then: evalctl retry; with trust_remote_code the "
    "job's server gets no token: add predownload: true to the request",
    "model-not-found": "check the model's name and revision in the request and its card",
    "modules-init-writable": "only root and you may change it: as it says, or another `modules_init` in the service's file "
    "(evalctl compile, commit), then: evalctl sync",
    "module-missing": "correct `modules` in the service's file, evalctl compile, commit, then: evalctl retry",
    "out-of-memory": "choose a larger node kind, or a smaller max_model_length",
    "context-length": "lower max_new_tokens, or raise max_model_length",
    "parser-without-think-tags": "set reasoning_parser: ignore in the custom settings",
    "custom-code": "the model brings code of its own: read it, then trust_remote_code: true in the custom settings",
    "unsupported-model": "this vllm does not know the model's architecture; a newer one may",
    "quota-exhausted": "the provider's account has no credit left: add some, then: evalctl retry",
    "request-refused": "every question was refused in these words: change what they name (custom settings, provider file, "
    "request), evalctl compile, commit, then: evalctl retry",
    "chat-template-missing": "the model has no chat template of its own: name one with `chat_template` in the custom settings",
    "other-model": "the job's own server answered as another model than the one asked for: evalctl logs, and tell us",
    "questions-unanswered": "the provider filters these questions: another provider, or `unanswered: N` in the request "
    "accepts so many, scored as wrong; then: evalctl compile, commit, evalctl retry",
    "answers-in-use": "another job of this eval is still at work on its answers; evalctl sync tries again",
    "answers-repeated": "the framework answered questions out of a cache of its own: evalctl env setup, then: evalctl retry",
    "disk-full": "free some space under EVALCTL_HOME and the caches, then: evalctl retry",
    "submit-refused": "evalctl logs shows what the scheduler said; then: evalctl retry",
    "unknown-task": "the job environment lacks this task: evalctl env setup, then: evalctl retry",
    "empty-answers": "the model gave empty answers: check its chat template and reasoning parser; `unanswered: N` in the "
    "request accepts so many, scored as wrong",
    "gpu-missing": "the node showed fewer GPUs than the node kind says",
    "unreadable-marks": "a mark of the task is damaged (see the warning): evalctl logs, then evalctl retry runs it again",
    "dataset-unreachable": "the node reaches no host that has the data set, and its cache lacks it: see evalctl logs, then: evalctl "
    "retry",
    "timeout": "raise the task's time in tasks_runtime.csv, then: evalctl retry",
}


def is_transient(reason: str) -> bool:
    """Whether the same job may well succeed when it just runs again."""
    return reason in _TRANSIENT


def is_awaited(reason: str) -> bool:
    """Whether a job that cannot be submitted for this reason just waits."""
    return reason in _AWAITED


def advice(reason: str) -> str:
    """What to do about it."""
    return _ADVICE.get(reason, "evalctl logs shows what happened; evalctl retry runs it again")


def gravest(reasons: Iterable[str]) -> str:
    """The reason that stands for several: one that may pass by itself is tried again before a person is asked."""
    ordered = sorted(set(reasons), key=lambda reason: (not is_transient(reason), reason))
    return ordered[0] if ordered else ""
