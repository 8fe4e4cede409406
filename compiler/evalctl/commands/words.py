"""Every command's name, summary and example. Light: read at each start, `--help` included."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What `--help` says of a command; `module` is its file in commands/."""

    module: str
    summary: str
    example: str


COMMANDS: dict[str, Words] = {
    "new": Words("new", "write a request from flags or questions (NAME), or a task's rows (task KEY)", "evalctl new --model tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5 --service tsubame --tasks swallow-ja\n  evalctl new task ja_niah --script niah_ja --result-dir ja/niah --framework lighteval-swallow --times q=00:30:00,f=02:00:00 --metric exact_match --entry niah_ja --suite swallow-ja"),
    "check": Words("check", "find every mistake in manifests/", "evalctl check --format github"),
    "compile": Words("compile", "write the scripts that will run into generated/", "evalctl compile --check"),
    "plan": Words("plan", "what sync would do: jobs, hours, cost, what is reused", "evalctl plan manifests/requests/my-request.yaml"),
    "explain": Words("explain", "who set a value (REQUEST TASK), or what a diagnostic, a reason or a state means (WORD)", "evalctl explain manifests/requests/my-request.yaml ja_mmlu\n  evalctl explain attempts-exhausted"),
    "lock": Words("lock", "fetch a model's facts once and write its model card", "evalctl lock tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"),
    "env": Words("env", "job environments and .env: `setup` builds, `check` says what is missing", "evalctl env setup"),
    "datasets": Words("datasets", "the data sets of tasks in the cache of jobs: `fetch` on a login node, `check` says what is missing", "evalctl datasets fetch ja_mmlu\n  evalctl datasets check --request my-request"),
    "doctor": Words("doctor", "what this machine is and what it lacks; --probe proves a site with a one-minute job (a model's provider: `evalctl probe`)", "evalctl doctor --probe --node-kind cpu_16"),
    "probe": Words("probe", "what a model's provider accepts: the largest n, refused parameters, context length, rate limit (a site: `evalctl doctor --probe`)", "evalctl probe my-request\n  evalctl probe meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8 --provider deepinfra"),
    "sync": Words("sync", "submit what has no current result, collect what has ended, commit results", "evalctl sync --dry-run"),
    "status": Words("status", "the state of every eval, with its reason and age; answers, rate and estimated end of what runs", "evalctl status my-request\n  evalctl status --watch"),
    "logs": Words("logs", "the log of a job or a task", "evalctl logs -f my-request ja_mmlu"),
    "results": Words("results", "measured scores: show, compare, history, export for a spreadsheet, report as a page", "evalctl results show"),
    "details": Words("details", "the answers of an eval with their scores, also while it runs, and why it is slow", "evalctl details my-request ja_mmlu --wrong"),
    "cancel": Words("cancel", "end jobs, by request, model, task or job", "evalctl cancel my-request"),
    "retry": Words("retry", "let a failed or stopped job run again", "evalctl retry my-request"),
    "import": Words("import_lab", "the lab's own files: `request`, `settings`, `tables`, `results`", "evalctl import request scripts/qsub/qsub_all.sh --dry-run"),
    "runtimes": Words("runtimes", "measured run times against tasks_runtime.csv, and suggested values", "evalctl runtimes --service tsubame"),
    "schema": Words("schema", "write schema/*.schema.json from the models", "evalctl schema --check"),
    "demo": Words("demo", "the whole idea on this machine: no GPU, no cluster, no root", "evalctl demo"),
}  # fmt: skip
