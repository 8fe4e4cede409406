"""The words for failures are a closed set: who can say one is known, and so is what follows from it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import evalctl_job
from evalctl.model.run import Action, State
from evalctl.plan import forecast
from evalctl.review.gate import Outcome
from evalctl.sync import act, collect, pages, reasons, records
from evalctl_job.reasons import FOR_ALL_TASKS, PATTERNS
from evalctl_job.supervisor import deaths, tasks

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "compiler" / "evalctl"
JOB = REPOSITORY / "compiler/evalctl_job"
# May pass by itself: the same job is tried again before a person is asked. Everything else waits for a person.
MAY_PASS = {
    "aborted", "answers-failed", "answers-missing", "dataset-unreachable", "gpu-error", "hub-unreachable", "job-killed",
    "lost", "node-lost", "not-run", "port-taken", "provider-unreachable", "rate-limit", "relay-died", "request-timeout",
    "server-died", "server-start-timeout", "task-lost", "timeout", "weights-unseen", "answers-in-use", "framework-stalled", "shard-incomplete",
    "shard-unseen",
    "fence-failed",
}  # fmt: skip
WAITED_FOR = {"hub-unreachable", "weights-missing", "shards-missing"}
# Nobody is at fault here: exit code LATER of the command that gives it.
LATER = {
    "hub-unreachable", "next-pass", "no-answer", "provider-error", "remote-unreachable", "scheduler-silent", "submit-postponed",
}  # fmt: skip
# A person acts on these; each has advice of its own.
FOR_A_PERSON = {
    "answers-repeated", "authentication", "context-length", "custom-code", "disk-full", "download-failed", "empty-answers",
    "env-variable-missing", "environment-missing", "environment-not-built", "gated-model", "gpu-missing", "hub-offline",
    "model-not-found", "module-missing", "modules-init-writable", "out-of-memory", "parser-without-think-tags", "quota-exhausted",
    "script-missing", "secret-missing", "secret-not-set", "submit-refused", "unknown-task", "unreadable-marks",
    "weights-changed", "weights-unreadable", "questions-unanswered", "request-refused", "other-model", "chat-template-missing",
    "unsupported-model", "no-private-folder", "fence-refused",
}  # fmt: skip
GENERAL = reasons.advice("a word that nobody says")


def said_by_the_script() -> set[str]:
    """What the job gives as a reason: its own ends, the deaths of a server, the tasks that it marks as failed."""
    program = "".join(path.read_text(encoding="utf-8") for path in (JOB / "supervisor").glob("*.py"))
    ends = re.findall(r'(?:GiveUp\((?:[A-Z_]+|\d+)|_mark\("failed"), "([a-z][a-z-]+)"', program)
    script = (PACKAGE / "render/job.sh").read_text(encoding="utf-8")
    first = re.findall(r'"reason": "([a-z][a-z-]+)"', script)
    return {*ends, *first, *(reason for reason, _ in deaths.PATTERNS), tasks.LOST, tasks.STOPPED, "disk-full"}


def texts(folder: Path) -> set[str]:
    """Every string constant of Python modules."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.rglob("*.py") if path.name != "reasons.py"]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def said() -> set[str]:
    """Every word that some part of evalctl can give as the reason of a failure."""
    script = (PACKAGE / "render/job.sh").read_text(encoding="utf-8")
    quoted = set(re.findall(r"[a-z]+(?:-[a-z]+)*", script))
    outcomes = {text.removeprefix("failed:") for text in texts(PACKAGE / "sync")}
    return quoted | texts(JOB) | outcomes | {word for word, _ in PATTERNS}


@pytest.mark.parametrize("word", sorted(MAY_PASS))
def test_what_may_pass_is_tried_again(word: str) -> None:
    """A transient reason is known as such."""
    assert reasons.is_transient(word)


@pytest.mark.parametrize("word", sorted(FOR_A_PERSON))
def test_what_does_not_pass_says_what_to_do(word: str) -> None:
    """It is not tried again by itself, and its advice is its own."""
    assert not reasons.is_transient(word)
    assert reasons.advice(word) != GENERAL


def test_these_are_all_the_words() -> None:
    """A word that is added or dropped changes this page, too."""
    assert {page.word for page in pages.pages().values() if page.may_pass} == MAY_PASS
    assert {page.word for page in pages.pages().values() if page.is_awaited} == WAITED_FOR
    assert {page.word for page in pages.pages().values() if page.is_later} == LATER
    assert {page.word for page in pages.pages().values() if page.group in ("person", "models")} >= FOR_A_PERSON
    assert {page.word for page in pages.pages().values() if page.group == "again"} <= MAY_PASS


def test_a_word_without_a_page_is_none_that_may_succeed_later() -> None:
    """A person is asked."""
    assert {word for word in pages.pages() if reasons.is_later(word)} == LATER
    assert not reasons.is_later("a-word-of-another-version")


def test_every_word_is_said_by_somebody() -> None:
    """A misspelt word would wait for a reason that never comes."""
    assert said() >= MAY_PASS | WAITED_FOR | FOR_A_PERSON


def test_every_reason_of_a_job_is_known() -> None:
    """What the script and the framework's log can say is transient, or has advice of its own."""
    spoken = {word for word, _ in PATTERNS} | said_by_the_script()
    assert len(spoken) > 25
    unknown = {word for word in spoken if not reasons.is_transient(word) and reasons.advice(word) == GENERAL}
    assert unknown <= {"cancelled", "script-failed", "tasks-failed"}  # a person's wish, a bug, and others' reasons


def test_the_list_of_the_node_is_that_of_the_table() -> None:
    """The relay stops a job's questions for these; it cannot read the table, which is not on the node."""
    assert {page.word for page in pages.pages().values() if page.of_all_tasks} == FOR_ALL_TASKS


def probed() -> set[str]:
    """What `evalctl probe` itself gives as the reason why it stopped."""
    modules = [JOB / "probe.py", JOB / "provider.py", PACKAGE / "commands/probe.py"]
    return {word for path in modules for word in words_in(path) if re.fullmatch("[a-z]+(-[a-z]+)+", word)} - {
        "retry-after", "server-died",  # a header's name; a word that is replaced
    }  # fmt: skip


def decided() -> set[str]:
    """What `decide` and the other parts of a pass give as the reason of a step."""
    found = {state.value for state in State} - {"ended"} | {act.POSTPONED}
    for path in (PACKAGE / "sync").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            at = {"_is": 0, "Step": 2, "_instead": 1, "UploadReport": 1}.get(name)
            if isinstance(node, ast.Call) and at is not None and len(node.args) > at:
                word = node.args[at]
                found |= {word.value} if isinstance(word, ast.Constant) and isinstance(word.value, str) else set()
    return {word for word in found if re.fullmatch(r"[a-z]+(-[a-z]+)*", word)}


def judged() -> set[str]:
    """What the acceptance check gives as the reason of a task that has no result."""
    calls = [
        node
        for node in ast.walk(ast.parse((JOB / "judgement.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    failures = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Failure"]
    return {
        str(node.value) for one in failures for node in ast.walk(one) if isinstance(node, ast.Constant) and node.value
    }


def constants(module: ModuleType) -> set[str]:
    """The words that a module names in capitals: outcomes of attempts, states of a forecast."""
    tree = ast.parse(inspect.getsource(module))
    own = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for name in ast.walk(node)
        if isinstance(name, ast.Name)
    }
    named = {
        name: value for name, value in vars(module).items() if name.isupper() and name in own and isinstance(value, str)
    }
    return {value.rstrip(":") for value in named.values() if re.fullmatch(r"[a-z]+([ -][a-z]+)*:?", value)}


def printed() -> set[str]:
    """Every word that `status`, `sync` or `plan` can print as a reason, an outcome or a state."""
    spoken = {word for word, _ in PATTERNS} | said_by_the_script() | judged() | {"not-compiled", "not-committed"}
    states = {action.value for action in Action if action is not Action.CANCEL} | {"failed", "done", "reused"}
    every = MAY_PASS | WAITED_FOR | decided() | spoken | states
    every |= probed() | {outcome.name for outcome in Outcome}
    return every | constants(records) | constants(forecast) | constants(collect)


def test_every_word_that_is_printed_has_a_page() -> None:
    """`evalctl explain` knows all of them, and no word that nobody prints."""
    assert len(printed()) > 110
    assert printed() - pages.pages().keys() == set()
    spoken = said() | texts(PACKAGE / "commands") | constants(forecast)
    assert pages.pages().keys() - printed() - spoken == set()


def listed(start: str) -> list[str]:
    """The modules that a part of evalctl_job's list names, from the line that begins with `start`."""
    part = (evalctl_job.__doc__ or "").partition(f"\n{start}")[2]
    return re.findall(r"`([a-z_]+)`", re.split(r"\n\n(?!- )|\n- `probe`|For all:", part)[0])


RELAY = ["relay", *listed("Of the relay, ")]
ACCEPTANCE = ["accept", *listed("Of acceptance: ")]
HUB = ["download", *listed("- `download`: ")]
PROBE = ["probe", "provider", "limits"]
FRAMEWORK = listed("In the process of a framework: ")
SHARED = listed("Shared by evalctl ")
SPEAKERS: Mapping[str, Sequence[Path]] = {
    "supervisor": [*(JOB / "supervisor").glob("*.py"), JOB / "run.py", PACKAGE / "render/job.sh"],
    "relay": [JOB / f"{name}.py" for name in (*RELAY, "reasons")],
    "acceptance": [JOB / f"{name}.py" for name in ACCEPTANCE],
    "hub programs": [JOB / f"{name}.py" for name in HUB],
    "sync": [path for folder in ("sync", "clone", "screen", "commands") for path in (PACKAGE / folder).rglob("*.py")],
    "plan": [PACKAGE / "plan/forecast.py"],
    "probe": [*(JOB / f"{name}.py" for name in (*PROBE, "reasons")), PACKAGE / "commands/probe.py"],
    "gate": [PACKAGE / "review/gate.py"],
}


def test_each_module_of_the_job_belongs_to_a_speaker() -> None:
    """evalctl_job's `__init__` lists all; none is outside of the closed set."""
    of_nobody = {
        "run",
        "stall",
        "checkpoint",
        "files",
        *SHARED,
        *FRAMEWORK,
    }  # shared by several, or without reasons of their own
    spoken = {*RELAY, *ACCEPTANCE, *HUB, *PROBE}
    assert {"asking", "filters", "repeats", "refusals"} <= {*RELAY} and {"hub", "upload", "fetch_datasets"} <= {*HUB}
    assert {path.stem for path in JOB.glob("*.py")} - {"__init__"} == spoken | of_nobody


@pytest.mark.parametrize("speaker", ["relay", "acceptance", "hub programs", "probe"])
def test_a_reason_in_a_program_is_one_that_the_table_says_it_gives(speaker: str) -> None:
    """Of the words with a hyphen; those without one have other uses."""
    own = [
        path
        for path in SPEAKERS[speaker]
        if path.suffix == ".py" and (path.stem != "reasons" or speaker == "acceptance")
    ]
    known = pages.pages()
    there = {word for path in own for word in words_in(path) if "-" in word and word in known} - {"server-died"}
    assert there and {word for word in there if speaker not in known[word].reported_by} == set()


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_the_table_names_who_says_a_word(speaker: str) -> None:
    """It is in that program's text; `sync` also gives a scheduler's states and its own actions."""
    there = set[str]().union(*map(words_in, SPEAKERS[speaker]))
    if speaker == "sync":
        there |= {state.value for state in State} | {action.value for action in Action}
    named = {page.word for page in pages.pages().values() if speaker in page.reported_by}
    assert named and named - there == set()


def test_whoever_says_a_word_is_named_in_the_table() -> None:
    """Both programs take it from there; nobody else is named."""
    known = pages.pages()
    spoken = {
        "supervisor": said_by_the_script(), "acceptance": {word for word, _ in PATTERNS} | judged(),
        "sync": decided() | constants(records) | constants(collect), "plan": constants(forecast),
        "probe": probed(), "gate": {outcome.name for outcome in Outcome},
    }  # fmt: skip
    assert {word for who, words in spoken.items() for word in words if who not in known[word].reported_by} == set()
    assert {who for page in known.values() for who in page.reported_by} == SPEAKERS.keys()


def words_in(path: Path) -> set[str]:
    """Every string constant of a module, or every reason of a script."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sh":
        return set(re.findall(r'"reason": "([a-z][a-z-]+)"', text))
    nodes = ast.walk(ast.parse(text))
    return {
        node.value.removeprefix("failed:")
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_a_page_says_all_three() -> None:
    """What it means, why it happens, what to do: each a sentence, with the commands marked."""
    for page in pages.pages().values():
        assert all(line.strip() == line and line for line in (page.means, page.why, page.do)), page.word
        assert not re.search(r"\bevalctl [a-z]+", re.sub(r"`[^`]*`", "", page.do)), page.word


def tables(page: Path, known: Mapping[str, pages.Page], head: str) -> str:
    """A page of docs/ with its tables as the pages of the words say."""
    made = page.read_text(encoding="utf-8")
    for group in dict.fromkeys(one.group for one in known.values()):
        rows = [
            f"| `{one.word}` | {one.means} {one.why[0].upper()}{one.why[1:]} | {one.do} |"
            for one in known.values()
            if one.group == group
        ]
        start, end = f"<!-- reasons: {group} -->\n", "<!-- end -->"
        before, _, rest = made.partition(start)
        made = before + start + "\n".join([head, "|---|---|---|", *rows]) + "\n" + end + rest.partition(end)[2]
    return made


def test_the_operations_page_says_what_explain_says(pytestconfig: pytest.Config) -> None:
    """Its tables are written from the pages: `pytest tests/sync/test_reasons.py --update-golden` does so."""
    page = REPOSITORY / "docs/operations.md"
    made = tables(page, pages.pages(), "| word | what it means, and why | what to do |")
    if pytestconfig.getoption("--update-golden"):
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made


def test_a_gated_model_with_code_of_its_own_is_downloaded_first() -> None:
    """The licence alone does not help there: code that the model brings sees no token, so the job's server cannot download."""
    said = reasons.advice("gated-model")
    assert "licence" in said and "trust_remote_code" in said and "predownload: true" in said
