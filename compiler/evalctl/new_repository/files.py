"""All files of a new repository, as text by path: pure, from the choices of a person."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evalctl.check.schema import KINDS, schema_text
from evalctl.editing.task import RUNTIME, RUNTIME_COLUMNS, SETTINGS, NewEntry, NewTask, with_task
from evalctl.load import requirement
from evalctl.load.places import SUITES
from evalctl.model.service_words import VARIABLE, placeholders
from evalctl.new_repository import shipped
from evalctl.shell import json_text

STARTER, EMPTY = "starter", "empty"
CATALOGUES = {
    "swallow-2025-08": "the Swallow team's tasks of 2025-08: 28 rows for lighteval-swallow",
    STARTER: "four small tasks whose questions come with evalctl",
    EMPTY: "no task: add yours with `evalctl new task`",
}
TABLES = "manifests/tasks"
WORKFLOWS = ("comment.yml", "gates.yml", "pull-request.yml", "site.yml")
_INSTALL = (
    "          python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock\n"
    "          python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .\n"
)
_INSTALL_RELEASE = f"          python -m pip install --quiet --disable-pip-version-check -r {requirement.FILE}\n"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose: a name of CATALOGUES, shipped services, and whether a first request is wanted."""

    catalogue: str
    services: Sequence[str]
    example: bool


def files(choices: Choices) -> dict[str, str]:
    """Each file of the new repository, by its path."""
    return {
        ".gitignore": shipped.template("gitignore"),
        ".gitattributes": shipped.template("gitattributes"),
        ".env_template": _env_template(choices.services),
        "README.md": shipped.template("README.md"),
        requirement.FILE: shipped.template("requirements.txt") + requirement.line() + "\n",
        ".vscode/settings.json": _editor(),
        **{f"schema/{kind}.schema.json": schema_text(kind) for kind in KINDS},
        **{path: shipped.text(path) for path in _MANIFESTS},
        "manifests/requests/.gitkeep": "",
        "results/.gitkeep": "",
        **{path: shipped.text(path) for path in (f"manifests/services/{name}.yaml" for name in choices.services)},
        **_catalogue(choices),
        **_platform(),
    }


_MANIFESTS = ("manifests/models/template.yaml", "manifests/models/common_settings.yaml")


def _catalogue(choices: Choices) -> dict[str, str]:
    """The tables of tasks."""
    if choices.catalogue == STARTER:
        return _starter()
    if choices.catalogue == EMPTY:
        return {path: shipped.template(f"empty/{path.rsplit('/', 1)[1]}") for path in shipped.under(TABLES)}
    tables = shipped.under(TABLES)
    return _with_example(tables) if choices.example else tables


def _starter() -> dict[str, str]:
    """The demo's tables, with a time in each column of the shipped ones: any service may run them."""
    tables = shipped.demo_tables()
    path = f"{TABLES}/tasks_runtime.csv"
    rows = list(csv.reader(tables[path].splitlines()))
    columns = next(csv.reader([shipped.text(path).splitlines()[0]]))
    return {**tables, path: _as_csv([columns, *([*row, *[row[-1]] * (len(columns) - len(row))] for row in rows[1:])])}


def _as_csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _with_example(tables: Mapping[str, str]) -> dict[str, str]:
    """The tables with the example's tasks at their end, under the suite `demo`."""
    texts = dict(tables)
    for row in csv.DictReader(shipped.demo_tables()[RUNTIME].splitlines()):
        columns = next(csv.reader([texts[RUNTIME].splitlines()[0]]))[len(RUNTIME_COLUMNS) :]
        changed, problems = with_task(_as_new(row, columns), texts)
        if problems:
            raise ValueError(f"the shipped tables do not take {row['key']}: {problems[0].message}")
        texts |= changed
    return {
        **texts,
        SUITES: texts[SUITES]
        + "\n# The tasks of the first request: small, with questions that come with evalctl.\n"
        + _demo_suite(),
    }


def _demo_suite() -> str:
    return shipped.demo_tables()[SUITES].splitlines()[0] + "\n"


def _as_new(row: Mapping[str, str], columns: Sequence[str]) -> NewTask:
    """A row of the demo's table as a person would type it; the name of its entry is that of the task."""
    decoding = dict(csv.reader(shipped.demo_tables()[SETTINGS].splitlines()))
    metric = _EXAMPLE_METRICS[row["script"]]
    entry = NewEntry(
        row["result_dir"].split("/")[1], "micro" if row["script"] == "demo_subjects" else "pick", (metric,)
    )
    return NewTask(
        row["key"], row["script"], row["result_dir"], row["framework"], dict.fromkeys(columns, row["hrt_q"]),
        decoding[row["script"]], (entry,), (),
    )  # fmt: skip


_EXAMPLE_METRICS = {
    "demo_arithmetic": "exact_match", "demo_capitals_ja": "acc", "demo_code": "pass@k:k=1&n=4", "demo_subjects": "acc",
}  # fmt: skip


def _platform() -> dict[str, str]:
    """Workflows, owners and forms for GitHub; the workflows install the version that the repository needs."""
    workflows = {path: shipped.text(path) for path in (f".github/workflows/{name}" for name in WORKFLOWS)}
    for path, text in workflows.items():
        if text.count(_INSTALL) != 1:
            raise ValueError(f"{path} does not install evalctl as expected")
    return {
        **{path: _without_program(text.replace(_INSTALL, _INSTALL_RELEASE)) for path, text in workflows.items()},
        ".github/CODEOWNERS": _without_program(shipped.text(".github/CODEOWNERS")),
        ".github/pull_request_template.md": shipped.template("pull_request_template.md"),
        ".github/ISSUE_TEMPLATE/evaluation-request.yml": shipped.text(".github/ISSUE_TEMPLATE/evaluation-request.yml"),
        ".gitlab-ci.yml": shipped.template("gitlab-ci.yml"),
        ".pre-commit-config.yaml": shipped.template("pre-commit-config.yaml"),
    }


def _without_program(text: str) -> str:
    """Without the lines about the folders of evalctl itself."""
    kept = [line for line in text.splitlines(keepends=True) if not line.startswith(("/compiler/", "/.ci/"))]
    return "".join(kept).replace(", compiler/**]", "]")


def _env_template(services: Sequence[str]) -> str:
    """`.env_template` with a line for each variable that the services' submit commands need."""
    words = "\n".join(shipped.text(f"manifests/services/{name}.yaml") for name in services)
    names = sorted({name for name in placeholders(words) if VARIABLE.fullmatch(name)})
    lines = "".join(f'{name}="{{your_{name.lower()}}}"\n' for name in names)
    asked = f"\n# The scheduler's account: the services' submit commands name it.\n{lines}" if names else ""
    return shipped.template("env_template").replace("@SERVICES@\n", asked)


def _editor() -> str:
    """Which schema an editor uses where a file names none (the YAML extension of VS Code)."""
    folders = {
        "request": "manifests/requests/**/*.yaml", "service": "manifests/services/*.yaml", "gate": "manifests/gates/*.yaml", "policy": "manifests/policy.yaml",
        "provider": "manifests/providers/*.yaml", "model-settings": "manifests/models/*/*.yaml",
        "metrics": "manifests/tasks/metrics.yaml", "suites": "manifests/tasks/suites.yaml",
    }  # fmt: skip
    schemas = {f"./schema/{kind}.schema.json": [pattern] for kind, pattern in folders.items()}
    return json_text({"yaml.schemas": schemas}, indent=2)
