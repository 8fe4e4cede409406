"""The name, summary and example of every command, in the groups of `--help`. Imports little, since each start reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A command's texts in `--help`; `module` is its file in commands/, `more` follows the summary in its own `--help`."""

    module: str
    summary: str
    example: str
    more: str = ""

    @property
    def description(self) -> str:
        """The first lines of the command's own `--help`."""
        return f"{self.summary[0].upper()}{self.summary[1:]}.\n{self.more}".strip()


_WRITE = {
    "new": Words("new", "write a request, the rows of a task, or a gate", "evalctl new --model tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5 --service tsubame --tasks swallow-ja\n  evalctl new task ja_niah --script niah_ja --result-dir ja/niah --framework lighteval-swallow --times q=00:30:00,f=02:00:00 --metric exact_match --entry niah_ja --suite swallow-ja", "On a terminal it asks for what the options do not say."),
    "lock": Words("lock", "fetch a model's facts and write its model card", "evalctl lock tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"),
    "import": Words("import_lab", "import the lab's files: request, settings, tables, results", "evalctl import request scripts/qsub/qsub_all.sh --dry-run"),
}  # fmt: skip
_CHECK = {
    "check": Words("check", "report every error in manifests/", "evalctl check --format github\n  evalctl check --base main", "Exit code 1: at least one error; 7: a person must approve by the policy of --base."),
    "plan": Words("plan", "show jobs, hours, cost and reused results", "evalctl plan my-request\n  evalctl plan --base main", "Submits nothing and writes nothing."),
    "compile": Words("compile", "write the scripts of all requests into generated/", "evalctl compile\n  evalctl compile --check"),
    "comment": Words("comment", "post the comment of a pull request (for a workflow)", "evalctl comment 123456789", "The text is what `evalctl plan --format comment` wrote in that run of a workflow."),
    "explain": Words("explain", "explain a value (REQUEST TASK), a code or a reason (WORD)", "evalctl explain my-request ja_mmlu\n  evalctl explain attempts-exhausted", "For a request and a task: each value with the file and line that set it. For a word: what it means and what to do."),
}  # fmt: skip
_RUN = {
    "sync": Words("sync", "submit jobs, collect ended jobs, commit results", "evalctl sync --dry-run\n  evalctl sync --watch", "Submits what has no current result. Run it on a login node of the service."),
    "status": Words("status", "show the state, reason and progress of every eval", "evalctl status my-request\n  evalctl status --watch", "For running tasks: answers, answers per minute and the estimated end."),
    "logs": Words("logs", "print the log of a job or a task", "evalctl logs -f my-request ja_mmlu"),
    "cancel": Words("cancel", "cancel jobs, by request, model, task or job", "evalctl cancel my-request"),
    "retry": Words("retry", "allow failed or cancelled jobs to run again", "evalctl retry my-request", "The next `evalctl sync` submits them."),
}  # fmt: skip
_READ = {
    "results": Words("results", "show, compare and export scores", "evalctl results show\n  evalctl results compare MODEL@HEAD~10 MODEL"),
    "costs": Words("costs", "show what was spent, and saved by reuse", "evalctl costs\n  evalctl costs --by person --csv", "From the charge that the ledger records at the end of each attempt."),
    "details": Words("details", "show answers with their scores, and causes of slowness", "evalctl details my-request ja_mmlu --wrong\n  evalctl details my-request --why", "Also while the task runs."),
}  # fmt: skip
_SET_UP = {
    "init": Words("init", "make a new repository for evaluations", "evalctl init my-evaluations --example\n  evalctl init . --catalogue swallow-2025-08 --service tsubame --service abci", "Never overwrites a file. On a terminal it asks for what the options do not say."),
    "upgrade": Words("upgrade", "bring a repository to this version of evalctl", "evalctl upgrade --dry-run", "Your changes stay: a three-way merge. Files with uncommitted changes are not touched."),
    "env": Words("env", "build job environments; check them and .env", "evalctl env setup\n  evalctl env check"),
    "datasets": Words("datasets", "fetch the tasks' data sets into the cache of jobs", "evalctl datasets fetch ja_mmlu\n  evalctl datasets check --request my-request", "Run it on a login node where compute nodes have no network."),
    "doctor": Words("doctor", "check this machine; --probe tests a site with a short job", "evalctl doctor\n  evalctl doctor --probe --node-kind cpu_16", "To test a model's provider: `evalctl probe`."),
    "probe": Words("probe", "test what a model's provider accepts", "evalctl probe my-request\n  evalctl probe meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8 --provider deepinfra", "The largest n, refused and ignored parameters, context length, rate limit. To test a site: `evalctl doctor --probe`."),
    "runtimes": Words("runtimes", "compare measured run times with tasks_runtime.csv", "evalctl runtimes --service tsubame"),
    "completion": Words("completion", "print the completion code for a shell", "evalctl completion bash >> ~/.bashrc", "Completes commands, options, and the names of requests, services, models and tasks."),
    "schema": Words("schema", "write the JSON Schemas of all manifests", "evalctl schema --check"),
    "demo": Words("demo", "run everything once here: no GPU, no cluster, no root", "evalctl demo"),
}  # fmt: skip

GROUPS = {
    "write requests": _WRITE,
    "check and compile": _CHECK,
    "run": _RUN,
    "read results": _READ,
    "set up and maintain": _SET_UP,
}
COMMANDS = {name: words for group in GROUPS.values() for name, words in group.items()}


def overview() -> str:
    """The commands by group, one line of at most 80 characters each."""
    groups = ("\n".join([f"{title}:", *map(_line, group, group.values())]) for title, group in GROUPS.items())
    return "\n\n".join(groups)


def _line(name: str, words: Words) -> str:
    return f"  {name:<12} {words.summary}"
