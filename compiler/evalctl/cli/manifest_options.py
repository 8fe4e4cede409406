"""The options of the commands that write manifests: `init`, `upgrade`, `new`, `lock`, `import`, `runtimes`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    _Actions = argparse._SubParsersAction[argparse.ArgumentParser]


def _new_task(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--script", help="the task's name in the framework")
    group.add_argument("--result-dir", help="folder of its results and logs, e.g. ja/niah")
    group.add_argument("--framework", help="lighteval, lighteval-swallow")
    group.add_argument("--times", help="q=HH:MM:SS,f=HH:MM:SS (HG and HF are the same unless given), or column=…")
    group.add_argument("--settings", help="default decoding (default: temperature=0.0; empty: the task's own)")
    group.add_argument(
        "--metric", action="append", default=[], help="metric of the framework; A+B is the mean of several"
    )
    group.add_argument("--entry", action="append", default=[], help="name of the metric in aggregated_results.json")
    group.add_argument("--subsets", action="store_true", help="use the weighted mean over all subsets of the task")
    group.add_argument("--suite", action="append", default=[], help="suite that will contain the task")


def add_new(parser: argparse.ArgumentParser) -> None:
    """`new`: a request, a task or a gate."""
    parser.add_argument("name", nargs="?", help="file name of the request, without .yaml; or the word `task` or `gate`")
    parser.add_argument(
        "key",
        nargs="?",
        metavar="KEY",
        help="with `task`: the key of a new task, {language}_{task}; with `gate`: its name",
    )
    _new_task(parser.add_argument_group("a task (evalctl new task KEY)"))
    _new_request(parser.add_argument_group("a request (evalctl new NAME)"))
    gate = parser.add_argument_group(
        "a gate (evalctl new gate KEY): also --baseline, --model, --custom-settings, --tasks, --reason"
    )
    gate.add_argument("--margin", type=float, help="how much worse is acceptable, as a share of the full mark")


def _new_request(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model", help="Hugging Face id, or a name for --path")
    group.add_argument("--path", help="a checkpoint on disk")
    group.add_argument("--service", help="where to run")
    group.add_argument("--tasks", help="suites and task keys, separated by commas")
    group.add_argument("--custom-settings", help="name of custom settings")
    group.add_argument(
        "--provider", help="vllm (default), openai, deepinfra, gemini, anthropic, or one of manifests/providers/"
    )
    group.add_argument("--node-kind", help="resource type of the service")
    group.add_argument("--max-samples", type=int, help="only the first N samples (debugging)")
    group.add_argument("--baseline", help="the model that it will be compared with")
    group.add_argument("--reason", help="reason for the request")


def add_lock(parser: argparse.ArgumentParser) -> None:
    """`lock`: a model card."""
    parser.add_argument("model", help="Hugging Face id, or the name for --path")
    parser.add_argument("--path", help="read a checkpoint on disk instead of the Hub")
    parser.add_argument(
        "--whole", action="store_true", help="with --path: read every byte of the weights (takes minutes)"
    )
    parser.add_argument(
        "--revision",
        metavar="REVISION",
        help="commit, tag or branch on the Hub (default: main); the commit is recorded",
    )


def add_import(parser: argparse.ArgumentParser) -> None:
    """`import`: from the lab's files."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    request = _import_action(actions, "request", "a filled-in qsub_all.sh to a request", "qsub_all.sh")
    request.add_argument("script", metavar="FILE", help="qsub_all.sh, its head filled in; read, never executed")
    request.add_argument("--name", help="file name of the request, without .yaml")
    settings = _import_action(actions, "settings", "custom model settings, unchanged", "custom_model_settings/")
    settings.add_argument("paths", nargs="+", metavar="PATH", help="the folder custom_model_settings/, or files of it")
    tables = _import_action(actions, "tables", "the lab's CSVs into ours", "tasks_runtime.csv task_settings.csv")
    tables.add_argument("paths", nargs="+", metavar="FILE", help="tasks_runtime.csv, task_settings.csv")
    words = "results/hosted_vllm/PUBLISHER/MODEL --custom-settings reasoning"
    results = _import_action(actions, "results", "scores measured before", words)
    results.add_argument(
        "paths", nargs="+", metavar="PATH", help="results_*.json, a folder of them, or aggregated_results.json"
    )
    results.add_argument("--model", help="only files of this model, as it is named there (hosted_vllm/PUBLISHER/MODEL)")
    results.add_argument("--custom-settings", help="the custom settings that were used")


def _import_action(actions: _Actions, name: str, what: str, example: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=what, description=f"Imports {what}.", epilog=f"example: evalctl import {name} {example}"
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be written, and write nothing")
    parser.add_argument("--replace", action="store_true", help="overwrite existing files and values")
    return parser


def add_runtimes(parser: argparse.ArgumentParser) -> None:
    """`runtimes`: measured times."""
    parser.add_argument("--service", help="only the columns of this service")
    parser.add_argument("--write", action="store_true", help="write the suggested values into tasks_runtime.csv")
    parser.add_argument(
        "--predictions", action="store_true", help="with --json: each measured run and what was predicted for it"
    )
    parser.add_argument("--json", action="store_true")


def add_init(parser: argparse.ArgumentParser) -> None:
    """`init`: a new repository."""
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="folder of the repository (default: the current one)"
    )
    parser.add_argument(
        "--catalogue", choices=("starter", "swallow-2025-08", "empty"),
        help="the tasks: four small ones (default), the Swallow team's of 2025-08, or none",
    )  # fmt: skip
    parser.add_argument(
        "--service", action="append", default=[], metavar="NAME",
        help="a shipped service: abci, local, slurm, tsubame (default: local); may be given several times",
    )  # fmt: skip
    parser.add_argument(
        "--example", action="store_true",
        help="also a first request that runs here, without a GPU: builds its environments (4 GB) and a tiny model",
    )  # fmt: skip
    parser.add_argument("--yes", action="store_true", help="ask nothing: the defaults for all that is not given")


def add_upgrade(parser: argparse.ArgumentParser) -> None:
    """`upgrade`: what `init` wrote, as this version writes it."""
    parser.add_argument("--dry-run", action="store_true", help="show what would change, and write nothing")
