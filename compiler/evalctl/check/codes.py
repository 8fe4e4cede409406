"""Every diagnostic that evalctl can give: its code and a line. A page for each lies in `explain/`."""

from __future__ import annotations

from pathlib import Path

CODES: dict[str, str] = {
    "api-on-gpu": "a provider that serves elsewhere was given a GPU node",
    "concurrency-capped": "more questions at once than the frameworks can have under way",
    "conflicting-requests": "two requests ask for the same eval differently",
    "context-too-long": "max_model_length is longer than the model's context",
    "csv-form": "a line of a table does not fit its header",
    "duplicate-key": "a key or a row is given twice",
    "duplicate-result-dir": "two tasks would write to one place",
    "exclusive-keys": "two keys that exclude each other",
    "file-too-large": "a manifest is too large to be one",
    "forbidden-text": "a name or text holds what it may not hold",
    "foreign-file": "a file in generated/ that evalctl did not make",
    "generated-outdated": "generated/ does not say what manifests/ say",
    "gpu-list-mismatch": "cuda_visible_devices does not fit the node kind or the service",
    "misplaced-model-card": "a model card lies in another model's place",
    "missing-file": "a file that evalctl needs is not there",
    "missing-key": "a key that must be given is not",
    "missing-model-card": "no facts about the model are locked",
    "model-does-not-fit": "the model needs more GPU memory than the node kind has",
    "no-node-kind": "the service names no node kind for this model",
    "no-tasks": "the request's exclusions leave no task",
    "not-committed": "a request or its scripts are not committed",
    "not-utf-8": "a file is not UTF-8",
    "out-of-range": "a number or a text is outside its limits",
    "override-without-task": "an override for a task that the request does not run",
    "parser-without-think-tags": "vLLM's parser needs think tags that the model does not have",
    "plain-http": "a provider's address on another machine begins with http://",
    "predownload-with-api": "predownload for a model that others serve",
    "provider-model-mismatch": "the provider cannot serve a model of this form",
    "recommended-setting": "the model's own files recommend what the request does not name",
    "remote-code": "the model's repository will run its own code on the node",
    "sampling-not-applied": "a sampling setting is kept out of tasks that sample by design",
    "secret-in-manifest": "text that looks like a key or a password",
    "setting-without-server": "a setting of the server, and others serve the model",
    "shared-task-name": "two tasks share an entry of aggregated_results.json",
    "suite-circle": "a suite contains itself",
    "taken-provider-name": "a provider's file has a name that means something else",
    "task-without-metrics": "no metric of the task goes into aggregated_results.json",
    "task-without-settings": "a task has no default settings",
    "task-without-time": "a task has no time for this kind of node",
    "tensor-parallel-heads": "the model's heads cannot be divided among enough GPUs",
    "text-switch": "a switch of the chat template is text that looks like a truth value",
    "think-tags-without-parser": "a model with think tags, and no reasoning parser",
    "unknown-chat-template": "a chat template that does not exist",
    "unknown-custom-settings": "custom settings that do not exist for the model",
    "unknown-environment": "a job environment that does not exist",
    "unknown-framework": "a framework that does not exist",
    "unknown-key": "a key that does not exist",
    "unknown-metric": "an entry of metrics.yaml names a metric that the task does not have",
    "unknown-node-kind": "a node kind that the service does not have",
    "unknown-parser": "a reasoning parser that does not exist",
    "unknown-priority": "a priority that the service does not have",
    "unknown-provider": "a provider that does not exist",
    "unknown-runtime-column": "a node kind's time column is not in tasks_runtime.csv",
    "unknown-service": "a service that does not exist",
    "unknown-subset-group": "a subset group that does not exist",
    "unknown-task": "a task or suite that does not exist",
    "unread-file": "a file under manifests/ that nothing reads",
    "unreadable-result": "a result that cannot be read",
    "unreadable-source": "a file of the lab that cannot be taken over as it stands",
    "vllm-on-cpu": "vLLM on a node kind that cannot serve",
    "walltime-beyond-limit": "a task's time is longer than the service allows",
    "wrong-type": "a value of another type than expected",
    "yaml-feature": "a part of YAML that manifests do without",
    "yaml-syntax": "text that is not YAML",
}

PAGES = Path(__file__).with_name("explain")


def page(code: str) -> str:
    """What the diagnostic means, why it matters, an example that shows it and one that does not."""
    return (PAGES / f"{code}.md").read_text(encoding="utf-8").rstrip()
