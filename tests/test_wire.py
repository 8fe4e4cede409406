"""What one stage writes and another reads is a frozen type: an object of unknown keys is handled where its keys are another program's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from evalctl.model.plan_file import PlanFile
from evalctl.results.details_rows import DetailsRow, LackingDetails, UnreadableDetails
from evalctl.results.question_values import ScoresFile
from evalctl.results.submission import Submission
from evalctl_job import attempt, download_note, marks, options, probed, relay_files, upload_plan
from evalctl_queue import records

COMPILER = Path(__file__).parents[1] / "compiler"
OBJECT = re.compile(r"(?:Mapping|MutableMapping|dict)\[str, (?:Any|object)\]")
# A type gives its own object, for a file or for --json.
WRITES_ITSELF = "as_json"

# By whose keys the objects are, and the functions and fields that hand them on, by module.
OBJECTS: dict[str, dict[str, str]] = {
    "a request or a reply of OpenAI's protocol, and its parameters": {
        "evalctl/probing/target": "Target.parameters",
        "evalctl_job/answering": "Answering.completions Answering.again Answering.counts Answering.health Answering.models refusal",
        "evalctl_job/answers": "Answers.adopt Answers.keep Answers.reply digest questions read_record record",
        "evalctl_job/asking": "TaskRequest.__init__ TaskRequest.answer TaskRequest.delivered envelope",
        "evalctl_job/choices": "answer_reasoning blank counted_short delivered described merged part plain prompt_digest prompt_texts"
        " read_reply reasoning_of total without_null",
        "evalctl_job/conversations": "Planned.answer Planned.known named",
        "evalctl_job/counts": "Counts.answer Counts.ask Counts.generate",
        "evalctl_job/forward": "ModelCall.body Transport.send Upstream.ask Upstream.get",
        "evalctl_job/framework_calls": "CallWanted.__init__ Completions.ask",
        "evalctl_job/framework_client": "RelayClient.answers StreamedAnswer.reply choices_of chunks",
        "evalctl_job/litellm_form": "Forms.request reply",
        "evalctl_job/limits": "ProviderReply.choices ProviderReply.usage listed_length",
        "evalctl_job/marks": "Acceptance.sent",
        "evalctl_job/observed": "not_as_planned",
        "evalctl_job/options": "Options.add Options.is_elsewhere Options.planned apply",
        "evalctl_job/outcomes": "read",
        "evalctl_job/probe": "Probe.__init__",
        "evalctl_job/probed": "AskedTarget.parameters",
        "evalctl_job/question_stream": "line",
        "evalctl_job/provider": "ProbedModel.ask ProbedModel.models",
        "evalctl_job/repeats": "GivenReplies.note GivenReplies.repeated cache_that_answered",
        "evalctl_job/replies": "model_of read_choice usage_of",
        "evalctl_job/shards": "shard_of",
        "evalctl_job/stability": "has_refused kinds",
        "evalctl_job/transport": "Http.send",
    },
    "the configuration of a model, as its repository has it": {
        "evalctl/cards/architecture": "architecture",
        "evalctl/cards/configuration": "Text.known Text.section Text.written read_by text_part",
        "evalctl/cards/mistral": "configuration",
        "evalctl/cards/source": "json_file",
        "evalctl/cards/speculation": "mtp_layers",
        "evalctl/cards/tokenizer": "read_by",
        "evalctl/cards/widths": "quantization with_modelopt",
        "evalctl/demo/tiny_model": "configurations",
    },
    "settings that a person writes in the words of vLLM or of a framework": {
        "evalctl/frameworks/__init__": "Framework.always_sent",
        "evalctl/frameworks/lighteval": "always_sent dump",
        "evalctl/frameworks/lighteval_swallow": "always_sent",
        "evalctl/model/recorded": "Inputs.generation Inputs.server",
        "evalctl/plan/filled": "from_model",
        "evalctl/plan/choice": "ServerWork.server",
        "evalctl/plan/placement": "answer_bytes concurrency division held_answers needed_bytes placed_on weight_bytes",
        "evalctl/plan/prediction": "predicted tokens_per_second",
        "evalctl/plan/server": "operation server_settings",
        "evalctl/plan/speeds": "MeasuredRun.server",
        "evalctl/resolve/identity": "eval_inputs",
        "evalctl_job/judgement": "Evidence.planned",
    },
    "what a framework leaves: columns of its details, its scores, the settings of its tasks": {
        "evalctl/results/parquet_rows": "at found gold identity question_in rows",
        "evalctl/results/record": "weights",
        "evalctl_job/framework_output": "Output.scores Output.settings details_files read samples_named settings_of without_scores",
        "evalctl_job/marks": "Acceptance.config_tasks",
        "evalctl_job/questions": "Row.kept",
    },
    "JSON Schema": {"evalctl/check/schema": "schema_of"},
    "the text of a file becomes its type, or a type its text": {
        "evalctl/model/plain_json": "document",
        "evalctl/model/plan_file": "of_json",
        "evalctl/results/record": "to_text",
        "evalctl_job/questions": "document",
        "evalctl_job/scores": "from_json",
    },
    "inputs as the record will have them, also those that a newer evalctl added": {
        "evalctl/results/submission": "SubmittedTask.inputs"
    },
    "what a platform's API takes": {"evalctl/comment/api": "Api.send"},
    "what a command remembers for the next of the same version": {
        "evalctl/pipeline/known_requests": "remembered",
        "evalctl/pipeline/memory": "Memory.index",
    },
    "the object that --format json prints": {
        "evalctl/commands/status": "Snapshot.document",
        "evalctl/results/ended_text": "differences",
        "evalctl/results/gate_text": "as_object",
        "evalctl/results/tables": "facts",
        "evalctl/screen/progress": "document",
    },
}
# Of each pair of stages the types that cross.
CROSSING = [
    PlanFile, Submission, attempt.AttemptFile, marks.Started, marks.ServerReady, marks.ServerRestarted, marks.Finished, marks.TaskMark,
    marks.Acceptance, options.Options, relay_files.TaskCounts, relay_files.ServerLoad, relay_files.ShownQuestions, download_note.DownloadNote,
    probed.AskedTarget, probed.Found, upload_plan.UploadPlan, DetailsRow, LackingDetails, UnreadableDetails, ScoresFile, records.TicketFile, records.JobState, records.JobList,
]  # fmt: skip


def aliases(tree: ast.Module) -> set[str]:
    """Names that a module gives to such an object, so that an annotation does not show it."""
    return {
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        and not isinstance(node.value, ast.Call) and OBJECT.search(ast.unparse(node.value))
    }  # fmt: skip


def imported(tree: ast.Module, known: Mapping[str, set[str]]) -> set[str]:
    """Such names that a module imports."""
    nodes = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {
        one.name
        for node in nodes
        for one in node.names
        if one.name in known.get((node.module or "").replace(".", "/"), ())
    }


def exchanged(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Name and annotation of what other modules see: parameters and results of functions, and fields, whose names have no underscore."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            fields = [(ast.unparse(one.target), one.annotation) for one in node.body if isinstance(one, ast.AnnAssign)]
            yield from ((f"{node.name}.{name}", one) for name, one in fields if not name.startswith("_"))
            yield from ((f"{node.name}.{name}", one) for name, one in signatures(node.body))
    yield from signatures(tree.body)


def signatures(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    """Of public functions and of what makes an object of a class."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name != WRITES_ITSELF:
            words = node.args
            found = [one.annotation for one in (*words.posonlyargs, *words.args, *words.kwonlyargs)] + [node.returns]
            if not node.name.startswith("_") or node.name == "__init__":
                yield from ((node.name, one) for one in found if one is not None)


def objects(tree: ast.Module, known: Mapping[str, set[str]]) -> set[str]:
    """What of a module hands on an object of unknown keys, by name; `known` has the names that modules give to such an object."""
    names = aliases(tree) | imported(tree, known)
    pattern = "|".join([OBJECT.pattern, *(rf"\b{name}\b" for name in names)])
    return {name for name, one in exchanged(tree) if re.search(pattern, ast.unparse(one))}


def test_objects_of_unknown_keys_are_where_another_program_names_the_keys() -> None:
    """What begins to hand on such an object is found here: its writer and its reader share a type instead."""
    trees = {
        path.relative_to(COMPILER).as_posix().removesuffix(".py"): ast.parse(path.read_text(encoding="utf-8"))
        for package in ("evalctl", "evalctl_job", "evalctl_queue") for path in (COMPILER / package).rglob("*.py")
    }  # fmt: skip
    known = {module: names for module, tree in trees.items() if (names := aliases(tree))}
    found = {(module, name) for module, tree in trees.items() for name in objects(tree, known)}
    assert found == {
        (module, name) for one in OBJECTS.values() for module, names in one.items() for name in names.split()
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def read(path: Path) -> dict[str, Any]: ...", "read"), ("def write(job: Mapping[str, Any]) -> None: ...", "write"),
        ("class Ticket:\n    submission: dict[str, object]", "Ticket.submission"),
        ("class Ticket:\n    def open(self, one: list[Mapping[str, Any]]) -> None: ...", "Ticket.open"),
        ("Row = dict[str, Any]\ndef rows() -> list[Row]: ...", "rows"),
        ("from a.b import Part\ndef parts() -> list[Part]: ...", "parts"),
    ],
)  # fmt: skip
def test_each_way_to_hand_on_an_object_is_known(text: str, name: str) -> None:
    """In a parameter, as what is returned, in a field; under a name that this module or another gives to it."""
    assert objects(ast.parse(text), {"a/b": {"Part"}}) == {name}


def test_what_stays_in_a_module_is_free() -> None:
    """A file is read there until its type is known; so are the keys of a type that is known."""
    text = "class One:\n    _read: dict[str, Any]\ndef _read() -> dict[str, Any]: ...\ndef scores() -> dict[str, float]: ..."
    assert objects(ast.parse(text), {}) == set()


@pytest.mark.parametrize("kind", CROSSING, ids=lambda kind: kind.__name__)
def test_what_crosses_between_stages_cannot_be_changed(kind: type) -> None:
    """Both sides have the very type."""
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
