"""What one stage writes and another reads is a frozen type: an object of unknown keys is handled where its keys are another program's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evalctl.model.plan_file import PlanFile
from evalctl.results.submission import Submission
from evalctl_job import attempt, download_note, marks, options, probed, relay_files, upload_plan
from evalctl_queue import records

COMPILER = Path(__file__).parents[1] / "compiler"
OBJECT = re.compile(r"(?:Mapping|MutableMapping|dict)\[str, (?:Any|object)\]")
# A type gives its own object, for a file or for --json.
WRITES_ITSELF = "as_json"

# By whose keys the objects are: a module that is not here has none in the signature of a function or in a field.
OBJECTS: dict[str, set[str]] = {
    "a request or a reply of OpenAI's protocol, and its parameters": {
        "evalctl/probing/target.py", "evalctl/results/answers.py", "evalctl_job/answering.py", "evalctl_job/answers.py", "evalctl_job/asking.py",
        "evalctl_job/choices.py", "evalctl_job/counts.py", "evalctl_job/filters.py", "evalctl_job/forward.py", "evalctl_job/limits.py",
        "evalctl_job/observed.py", "evalctl_job/options.py", "evalctl_job/outcomes.py", "evalctl_job/probe.py", "evalctl_job/probed.py",
        "evalctl_job/provider.py", "evalctl_job/repeats.py", "evalctl_job/replies.py", "evalctl_job/stability.py", "evalctl_job/strict_json.py", "evalctl_job/transport.py",
    },
    "configuration of a model, as its repository has it": {
        "evalctl/cards/architecture.py", "evalctl/cards/card.py", "evalctl/cards/configuration.py", "evalctl/cards/hub.py", "evalctl/cards/mistral.py",
        "evalctl/cards/source.py", "evalctl/cards/tokenizer.py", "evalctl/cards/weights.py", "evalctl/cards/widths.py", "evalctl/demo/tiny_model.py",
    },
    "settings of vLLM and of a framework, which it names": {
        "evalctl/frameworks/__init__.py", "evalctl/frameworks/lighteval.py", "evalctl/frameworks/lighteval_swallow.py", "evalctl/plan/applied.py",
        "evalctl/plan/filled.py", "evalctl/plan/jobs.py", "evalctl/plan/placement.py", "evalctl/plan/refusals.py", "evalctl/plan/rules.py",
        "evalctl/plan/server.py", "evalctl/plan/power.py", "evalctl/clone/baselines.py", "evalctl/results/power.py", "evalctl/resolve/evals.py", "evalctl/resolve/identity.py", "evalctl/results/likeness.py", "evalctl/model/manifest.py",
    },
    "what a framework leaves: results, details, and the values in them": {
        "evalctl/importing/reading.py", "evalctl/results/grading.py", "evalctl/results/parquet_rows.py", "evalctl_job/accept.py",
        "evalctl_job/framework_output.py", "evalctl_job/judgement.py", "evalctl_job/marks.py", "evalctl_job/questions.py", "evalctl/results/record.py",
    },
    "JSON Schema": {"evalctl/check/schema.py", "evalctl/check/value_wording.py", "evalctl/check/wording.py"},
    "a cell of the lab's tables": {"evalctl/check/catalogue.py"},
    "where a file becomes its type, or is refused": {
        "evalctl/model/plain_json.py", "evalctl/model/plan_file.py", "evalctl/plan/summary.py", "evalctl/results/per_question.py",
        "evalctl/results/question_files.py", "evalctl/results/reading.py", "evalctl/sync/marks.py", "evalctl/sync/records.py", "evalctl_job/scores.py",
        "evalctl_job/typed.py",
    },
    "what a command remembers for itself": {
        "evalctl/pipeline/known_requests.py", "evalctl/pipeline/memory.py", "evalctl/pipeline/project.py", "evalctl/results/store.py",
    },
    "what is printed with --json, or shown on a page": {
        "evalctl/commands/compare.py", "evalctl/commands/explain.py", "evalctl/commands/plan.py", "evalctl/commands/probe.py",
        "evalctl/commands/results.py", "evalctl/commands/runtimes.py", "evalctl/commands/status.py", "evalctl/report.py",
        "evalctl/results/compared_rows.py", "evalctl/results/ended_text.py", "evalctl/results/gate_text.py", "evalctl/results/tables.py", "evalctl/screen/progress.py", "evalctl/site/pages.py",
        "evalctl_job/upload.py",
    },
}  # fmt: skip
# Of each pair of stages the types that cross.
CROSSING = [
    PlanFile, Submission, attempt.AttemptFile, marks.Started, marks.ServerReady, marks.ServerRestarted, marks.Finished, marks.TaskMark,
    marks.Acceptance, options.Options, relay_files.TaskCounts, relay_files.ServerLoad, relay_files.ShownQuestions, download_note.DownloadNote,
    probed.AskedTarget, probed.Found, upload_plan.UploadPlan, records.TicketFile, records.JobState, records.JobList,
]  # fmt: skip


def annotated(tree: ast.AST) -> Iterator[ast.expr]:
    """Of parameters, of what functions return, and of fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != WRITES_ITSELF:
            words = node.args
            found = [one.annotation for one in (*words.posonlyargs, *words.args, *words.kwonlyargs)] + [node.returns]
            yield from (one for one in found if one is not None)
        elif isinstance(node, ast.ClassDef):
            yield from (one.annotation for one in node.body if isinstance(one, ast.AnnAssign))


def has_objects(text: str) -> bool:
    """Whether a module hands on an object of unknown keys."""
    return any(OBJECT.search(ast.unparse(one)) for one in annotated(ast.parse(text)))


def test_objects_of_unknown_keys_are_where_another_program_names_the_keys() -> None:
    """A module that begins to hand on such an object is found here: its writer and its reader share a type instead."""
    paths = [path for name in ("evalctl", "evalctl_job", "evalctl_queue") for path in (COMPILER / name).rglob("*.py")]
    found = {path.relative_to(COMPILER).as_posix() for path in paths if has_objects(path.read_text(encoding="utf-8"))}
    assert found == {path for paths in OBJECTS.values() for path in paths}


@pytest.mark.parametrize(
    "text",
    [
        "def read(path: Path) -> dict[str, Any]: ...", "def write(job: Mapping[str, Any]) -> None: ...",
        "class Ticket:\n    submission: dict[str, object]", "async def sent(*, one: list[Mapping[str, Any]]) -> None: ...",
    ],
)  # fmt: skip
def test_each_way_to_hand_on_an_object_is_known(text: str) -> None:
    """In a parameter, as what is returned, in a field."""
    assert has_objects(text)


@pytest.mark.parametrize("kind", CROSSING, ids=lambda kind: kind.__name__)
def test_what_crosses_between_stages_cannot_be_changed(kind: type) -> None:
    """Both sides have the very type."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
