"""The standard run of one model, one job per task, beside what the lab's qsub_all.sh submits for it.

The lab's side is entered here on its own, from the lab's figures of mid-2025 and the form of its `qsub` lines; nothing of
manifests/ is read for it. One thing differs on purpose: the lab's limit has to hold the start of the server as well, while here
the task has that limit for itself and the job asks for the start in addition.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from spec.literate import repository

from evalctl import cli
from evalctl_job.supervisor.document import Job, read_job

SMALL = "tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"
LARGE = "tokyotech-llm/Llama-3.3-Swallow-70B-Instruct-v0.4"
GREEDY = "temperature=0.0"

# key: (lighteval task, node_q or rt_HG, every other kind, decoding); "" is a task that decodes by its own rules.
STANDARD_RUN = {
    "ja_gpqa": ("swallow_gpqa_ja", "00:30:00", "02:00:00", GREEDY),
    "ja_jemhopqa_cot": ("jemhopqa_cot", "00:30:00", "02:00:00", GREEDY),
    "ja_math_100": ("math_100_japanese", "00:30:00", "02:00:00", GREEDY),
    "ja_mmlu": ("swallow_jmmlu", "01:00:00", "04:00:00", GREEDY),
    "ja_mmlu_prox": ("mmlu_prox_japanese", "04:00:00", "16:00:00", GREEDY),
    "ja_mtbench": ("japanese_mt_bench", "04:00:00", "16:00:00", ""),
    "ja_wmt20_en_ja": ("wmt20:en-ja", "00:30:00", "02:00:00", GREEDY),
    "ja_wmt20_ja_en": ("wmt20:ja-en", "00:30:00", "02:00:00", GREEDY),
    "ja_humaneval": ("swallow_jhumaneval", "01:00:00", "04:00:00", "temperature=0.2,top_p=0.95"),
    "ja_mifeval": ("mifeval_ja", "00:30:00", "02:00:00", "temperature=0.0,top_p=1.0"),
    "en_hellaswag": ("hellaswag", "00:30:00", "02:00:00", GREEDY),
    "en_mtbench": ("english_mt_bench", "02:00:00", "08:00:00", ""),
    "en_gpqa_diamond": ("gpqa:diamond", "00:30:00", "02:00:00", GREEDY),
    "en_math_500": ("math_500", "00:30:00", "02:00:00", GREEDY),
    "en_aime_2024_2025": ("aime", "00:30:00", "02:00:00", GREEDY),
    "en_livecodebench_v5_v6": ("lcb:codegeneration_v5_v6", "02:00:00", "08:00:00", "temperature=0.6,top_p=0.95"),
    "en_mmlu": ("mmlu_english", "02:00:00", "08:00:00", GREEDY),
    "en_mmlu_pro": ("mmlu_pro_english", "02:00:00", "08:00:00", GREEDY),
    "en_mmlu_prox": ("mmlu_prox_english", "02:00:00", "08:00:00", GREEDY),
}
# qsub -g GROUP -l KIND=1 -p -5 -N NAME -l h_rt=TIME -o DIR -e DIR SCRIPT
# qsub -P GROUP -q KIND -l select=1 -N NAME -l walltime=TIME -o DIR -e DIR -- SCRIPT
WORDS = {"tsubame": ("-l {kind}=1", "-p -5"), "abci": ("-q {kind}", "-l select=1")}
CASES = [("tsubame", "node_q", SMALL), ("tsubame", "node_f", LARGE), ("abci", "rt_HG", SMALL), ("abci", "rt_HF", LARGE)]
LONGEST = {"tsubame": 24 * 3600, "abci": 168 * 3600}


@dataclass(frozen=True)
class Call:
    """What one submission asks for and runs."""

    task: str
    resources: tuple[str, ...]
    seconds: int
    framework: tuple[str, ...]
    decoding: dict[str, float]


def lab_calls(service: str, kind: str) -> list[Call]:
    """What the lab submits, a call per `qsub_task` line."""
    resources = tuple(word.format(kind=kind) for word in WORDS[service])
    return [
        Call(key, resources, _seconds(short if kind in ("node_q", "rt_HG") else long), (f"swallow|{name}|0|0",), _decoding(settings))
        for key, (name, short, long, settings) in STANDARD_RUN.items()
    ]  # fmt: skip


def _decoding(settings: str) -> dict[str, float]:
    return {name: float(value) for name, value in (pair.split("=") for pair in settings.split(",") if pair)}


def _seconds(clock: str) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def our_call(script: str, service: str) -> Call:
    """The same out of a generated script: its directives, and what its one task is called with."""
    mark = {"tsubame": "#$ ", "abci": "#PBS "}[service]
    directives = {line.removeprefix(mark) for line in script.splitlines() if line.startswith(mark)}
    wanted = {"tsubame": r"-l \w+=1|-p -\d", "abci": r"-q \w+|-l select=\d+"}[service]
    (task,) = job_of(script).tasks
    generation: dict[str, Any] = yaml.safe_load(task.config)["model"]["generation"] or {}
    return Call(
        task.key,
        tuple(sorted(word for word in directives if re.fullmatch(wanted, word))),
        task.seconds,
        tuple(word for word in task.command if word.startswith("swallow|")),
        generation,
    )


def _one(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text, re.MULTILINE)
    return str(found)


def job_of(script: str) -> Job:
    """The document of a script, as the job's program reads it."""
    return read_job(_one(r"(?s)3<<'END_OF_JOB'\n(.*?)^END_OF_JOB$", script))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str, list[str]]:
    """Service, node kind, model, and the generated scripts of the standard run."""
    service, kind, model = request.param
    root: Path = repository(tmp_path_factory.mktemp("lab"), {})
    (root / "manifests/requests").mkdir(exist_ok=True)
    text = f"model: {model}\nservice: {service}\nnode_kind: {kind}\npacking: per_task\ntasks: [swallow]\n"
    (root / "manifests/requests/standard.yaml").write_text(text)
    assert cli.main(["--repo", str(root), "compile"]) == 0
    return service, kind, model, [path.read_text() for path in (root / "generated/standard").glob("*.sh")]


def test_each_of_the_nineteen_submissions_is_the_lab_s(run: tuple[str, str, str, list[str]]) -> None:
    """Same tasks, same node kind and priority, same limit for the task, same decoding; none more or less."""
    service, kind, _, scripts = run
    ours = sorted((our_call(script, service) for script in scripts), key=lambda call: call.task)
    lab = sorted(lab_calls(service, kind), key=lambda call: call.task)
    assert [call.task for call in ours] == [call.task for call in lab]
    for mine, theirs in zip(ours, lab, strict=True):
        assert (mine.resources, mine.seconds, mine.framework) == (
            tuple(sorted(theirs.resources)), theirs.seconds, theirs.framework,
        )  # fmt: skip
        assert {name: mine.decoding.get(name) for name in ("temperature", "top_p")} == {
            name: theirs.decoding.get(name) for name in ("temperature", "top_p")
        }
        assert set(mine.decoding) <= {"temperature", "top_p", "max_new_tokens"}


def test_the_job_asks_for_the_lab_s_limit_and_the_start_of_the_server(run: tuple[str, str, str, list[str]]) -> None:
    """Never less than the lab; more only by what the script itself says it needs to start and to save, in ten minutes' steps."""
    service, kind, _, scripts = run
    limits = {call.task: call.seconds for call in lab_calls(service, kind)}
    directive = {"tsubame": r"^#\$ -l h_rt=(\S+)$", "abci": r"^#PBS -l walltime=(\S+)$"}[service]
    for script in scripts:
        asked, lab = _seconds(_one(directive, script)), limits[our_call(script, service).task]
        start = job_of(script).start_seconds + job_of(script).drain_seconds
        assert asked == min(-(-(lab + start) // 600) * 600, LONGEST[service])
        assert start <= 20 * 60


def test_the_server_is_started_as_the_lab_starts_it(run: tuple[str, str, str, list[str]]) -> None:
    """The model, the share of GPU memory, the type, the longest context of the lab; the GPUs of the node kind."""
    _, kind, model, scripts = run
    for script in scripts:
        server = job_of(script).server
        assert server is not None
        words = list(server.command)
        option = {word: words[index + 1] for index, word in enumerate(words) if word.startswith("--")}
        assert words[:3] == ["vllm", "serve", model]
        assert option["--gpu-memory-utilization"] == "0.9"
        assert option["--dtype"] == "bfloat16"
        assert option["--max-model-len"] == "32768"
        gpus = int(option["--tensor-parallel-size"]) * int(option.get("--data-parallel-size", 1))
        assert gpus == {"node_q": 1, "node_f": 4, "rt_HG": 1, "rt_HF": 8}[kind]


def test_the_lab_s_group_is_named_on_the_command_line() -> None:
    """`-g` and `-P`, from the evaluator's .env, never in a script."""
    folder = Path(__file__).parents[2] / "manifests" / "services"
    given = {name: yaml.safe_load((folder / f"{name}.yaml").read_text())["submit_args"] for name in WORDS}
    assert given == {"tsubame": ["-g", "{TSUBAME_GROUP}"], "abci": ["-P", "{ABCI_GROUP}"]}
