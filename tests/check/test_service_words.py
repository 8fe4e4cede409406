"""A service file may say where a job runs and who pays, and nothing else: closed lists, never a bug of evalctl."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from spec.literate import repository

from evalctl.check.service_words import OPTIONS, SET
from evalctl.model.diagnostic import Diagnostic
from evalctl.model.evaluation import Batch
from evalctl.pipeline.project import Project
from evalctl.schedulers import SCHEDULERS

BASE = {"node_kinds": {"cpu": {"gpus": 0, "runtime_column": "hrt_q"}}}


def found_in(tmp_path: Path, fields: dict[str, object]) -> list[Diagnostic]:
    """What `evalctl check` finds in a service with these fields."""
    text = json.dumps({**BASE, **fields})
    found = Project(repository(tmp_path, {"manifests/services/mysite.yaml": text.encode()})).check()[1]
    return [one for one in found if one.span and one.span.file == "manifests/services/mysite.yaml"]


def codes(tmp_path: Path, **fields: object) -> list[str]:
    """The codes of the findings."""
    return sorted({one.code for one in found_in(tmp_path, fields)})


def messages(tmp_path: Path, **fields: object) -> list[str]:
    """Their words."""
    return [one.message for one in found_in(tmp_path, fields)]


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        ("slurm", ["/tmp/other.sh"]), ("slurm", ["--account=a", "other.sh"]), ("slurm", ["--wrap=id"]), ("slurm", ["--export=ALL"]),
        ("slurm", ["--export-file=x"]), ("slurm", ["-o", "/tmp/x"]), ("slurm", ["--output=/tmp/x"]), ("slurm", ["--prolog=x"]),
        ("slurm", ["--task-prolog=x"]), ("slurm", ["--bcast=x"]), ("slurm", ["--uid=0"]), ("slurm", ["--chdir=/"]), ("slurm", ["-D/"]),
        ("slurm", ["--array=1-9"]), ("slurm", ["--job-name=x"]), ("slurm", ["--"]), ("slurm", ["-"]), ("slurm", ["--account"]),
        ("slurm", ["--account=-x"]), ("slurm", ["--account=/etc"]), ("slurm", ["--acc=x"]), ("slurm", ["--clusters=a,b"]),
        ("slurm", ["--clusters=all"]), ("slurm", ["--get-user-env"]), ("slurm", ["--account=a{"]), ("slurm", ["--account=$HOME"]),
        ("gridengine", ["-S", "/bin/sh"]), ("gridengine", ["-v", "A=b"]), ("gridengine", ["-V"]), ("gridengine", ["-@", "file"]),
        ("gridengine", ["-C", "x"]), ("gridengine", ["-b", "y"]), ("gridengine", ["-o", "x"]), ("gridengine", ["-jsv", "x"]),
        ("gridengine", ["-t", "1-9"]), ("gridengine", ["-g"]), ("gridengine", ["-g", "-V"]), ("gridengine", ["-sync", "y"]),
        ("gridengine", ["-l\u00a0x=1"]), ("gridengine", ["-l x=1\u3000"]), ("gridengine", ["-l h_rt=1 other.sh"]), ("gridengine", ["-clear"]), ("gridengine", [""]),
        ("pbs", ["-S", "/bin/sh"]), ("pbs", ["-q", "q@server"]), ("pbs", ["-v", "A"]), ("pbs", ["-W", "x=y"]), ("pbs", ["-C", "x"]),
        ("pbs", ["-u", "root"]), ("pbs", ["--", "x"]), ("pbs", ["-J", "1-3"]), ("local", ["--queue", "x"]),
    ],
)  # fmt: skip
def test_only_listed_options_reach_the_scheduler(scheduler: str, words: list[str], tmp_path: Path) -> None:
    """No script, shell, file, environment, array or name; wherever the words are."""
    assert codes(tmp_path / "a", scheduler=scheduler, submit_args=words) == ["service-option"]
    assert codes(tmp_path / "b", scheduler=scheduler, directives=words) == ["service-option"]


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        ("gridengine", ["-l h_rt=1:0:0"]), ("gridengine", ["-l", "h_rt=1:0:0"]), ("gridengine", ["-l gpu=1,h_rt=60"]),
        ("gridengine", ["-l s_rt=60"]), ("gridengine", ["-l  h_cpu=1"]), ("gridengine", ["-l gpu=1", "-l h_rt=1"]),
        ("gridengine", ["-l H_RT=1"]), ("gridengine", ["-l h_rt"]), ("gridengine", ["-soft"]), ("gridengine", ["-soft -l gpu=1"]),
        ("gridengine", ["-hard", "-soft"]), ("gridengine", ["-j n"]), ("gridengine", ["-N x"]), ("gridengine", ["-p 0"]),
        ("gridengine", ["-r y"]), ("gridengine", ["-cwd"]), ("gridengine", ["-wd /"]), ("gridengine", ["-notify"]), ("gridengine", ["-a 1"]),
        ("gridengine", ["-h"]), ("gridengine", ["-now y"]), ("gridengine", ["-dl 1"]), ("gridengine", ["-#$ -N x"]), ("gridengine", ["#$ -N x"]),
        ("pbs", ["-l walltime=1"]), ("pbs", ["-l", "walltime=1"]), ("pbs", ["-l select=1,walltime=1"]), ("pbs", ["-l Walltime=1"]),
        ("pbs", ["-l cput=1"]), ("pbs", ["-l select=1:ngpus=1,min_walltime=1"]), ("pbs", ["-l soft_walltime=1"]), ("pbs", ["-j n"]),
        ("pbs", ["-N x"]), ("pbs", ["-p 0"]), ("pbs", ["-r y"]), ("pbs", ["-k n"]), ("pbs", ["-o x"]), ("pbs", ["-a 1"]), ("pbs", ["-h"]),
        ("slurm", ["--time=1"]), ("slurm", ["--time 1"]), ("slurm", ["-t", "1"]), ("slurm", ["-t1"]), ("slurm", ["--time-min=1"]),
        ("slurm", ["--tim=1"]), ("slurm", ["--job-name=x"]), ("slurm", ["-Jx"]), ("slurm", ["-J", "x"]), ("slurm", ["--nice=0"]),
        ("slurm", ["--signal=B:USR1"]), ("slurm", ["--requeue"]), ("slurm", ["--hold"]), ("slurm", ["-H"]), ("slurm", ["--begin=now"]),
        ("slurm", ["-b", "now"]), ("slurm", ["--deadline=1"]), ("slurm", ["-e", "x"]), ("slurm", ["--dependency=1"]), ("slurm", ["-d1"]),
        ("slurm", ['"--time=1"']), ("slurm", ["'-t' 1"]), ("slurm", ["--\\time=1"]), ("slurm", ["--test-only"]), ("slurm", ["-W"]),
    ],
)  # fmt: skip
def test_what_evalctl_says_of_a_job_is_said_once(scheduler: str, words: list[str], tmp_path: Path) -> None:
    """Name, walltime, output, priority, restart and start: no spelling of a service's words changes one of them."""
    assert codes(tmp_path / "a", scheduler=scheduler, submit_args=words) == ["service-option"]
    assert codes(tmp_path / "b", scheduler=scheduler, directives=words) == ["service-option"]
    kind = {"gpus": 0, "runtime_column": "hrt_q", "directives": words}
    assert codes(tmp_path / "c", scheduler=scheduler, node_kinds={"cpu": kind}) == ["service-option"]


SUBMITTED: dict[str, Any] = {"name": "ev-x", "output_dir": "/out", "run_dir": "/r/a1", "walltime_seconds": 60}
# Options of which a service names a part of its own: resources, and the GPUs of a node kind.
SHARED = {"-l", "--gpus"}


@pytest.mark.parametrize("scheduler", ["gridengine", "pbs", "slurm"])
def test_each_option_that_evalctl_writes_is_named_as_its_own(scheduler: str, tmp_path: Path) -> None:
    """In a script or on the submit program's command line: the list is that of what is really written."""
    module = SCHEDULERS[scheduler]
    command = module.submit("/job.sh", **SUBMITTED).argv[1:-1]
    script = " ".join(line.split(" ", 1)[1] for line in module.directives(Batch("ev-x", 60, 1, -4, (), 10)))
    written = {word.partition("=")[0] for word in (*command, *script.split()) if re.match(r"--?[A-Za-z]", word)}
    assert written - SHARED <= set(SET[scheduler]) and not set(SET[scheduler]) & set(OPTIONS[scheduler])
    for number, option in enumerate(sorted(SET[scheduler])):
        for words in ([f"{option} x"], [f"{option}=x"] if option.startswith("--") else [f"{option}", "x"]):
            place = tmp_path / f"{number}-{len(words)}-{'=' in words[0]}"
            found = messages(place, scheduler=scheduler, directives=words)
            assert [one.partition(":")[0] for one in found] == [f"`{option}` is set by evalctl for each job"], words


@pytest.mark.parametrize(
    "words", [["--gpus=1"], ["-G", "1"], ["-G1"], ["--gres=gpu:2"], ["--gres", "gpu"], ["--gpus-per-node=2"]]
)
def test_gpus_are_those_of_the_node_kind(words: list[str], tmp_path: Path) -> None:
    """On the command line they would be asked for beside, or in place of, those of the script."""
    assert codes(tmp_path / "a", scheduler="slurm", submit_args=words) == ["service-option"]
    assert codes(tmp_path / "b", scheduler="slurm", directives=[" ".join(words)]) == []


@pytest.mark.parametrize(
    ("scheduler", "words"), [("slurm", ["-p", "gpu"]), ("slurm", ["--partition", "gpu"]), ("pbs", ["-q", "gpu"])]
)
def test_a_directive_is_whole_in_one_text(scheduler: str, words: list[str], tmp_path: Path) -> None:
    """Each text is a line of the script, where an option without its value is refused, or takes the next line for it."""
    assert codes(tmp_path / "a", scheduler=scheduler, directives=words) == ["service-option"]
    assert codes(tmp_path / "b", scheduler=scheduler, directives=[" ".join(words)], submit_args=words) == []


@pytest.mark.parametrize(
    "name", ["/tmp/evil", "../evil", "./x", "~/x", "-f", "--force", "a b", "x;id", "$(id)", "a//b", "a/../b", "/", ""]
)
def test_only_names_of_modules_are_loaded(name: str, tmp_path: Path) -> None:
    """`module load` runs the file that a path names, and takes options."""
    assert codes(tmp_path / "a", scheduler="slurm", modules=[name]) == ["service-module"]
    assert codes(tmp_path / "b", scheduler="slurm", modules=["cuda/13.1.1", "gcc", "intel_mpi/2021.11+x"]) == []


@pytest.mark.parametrize(
    "place",
    ["relative", "$HOME/.ssh", "$HOME", "$OPENAI_API_KEY", "$MY_LOCAL_TOKEN", "$EVALCTL_SCRATCH", "/x/../etc", "/x/.ssh", "~", "$(id)", "`id`",
     "/", "", "-x", "/a b", "$", "${X:-y}", "/local/$JOB_ID;id", "/tmp/$PATH", "/é"],
)  # fmt: skip
def test_scratch_is_a_place_for_local_files(place: str, tmp_path: Path) -> None:
    """A variable that a site sets for a job, or an absolute path."""
    assert codes(tmp_path / "a", scheduler="slurm", scratch=[place]) == ["service-scratch"]
    good = [
        "$T4TMPDIR",
        "/local/$JOB_ID",
        "$PBS_LOCALDIR",
        "${SLURM_TMPDIR}",
        "/scratch/$USER/jobs",
        "/tmp",
        "$SCRATCH/x",
    ]
    assert codes(tmp_path / "b", scheduler="slurm", scratch=good) == []


@pytest.mark.parametrize("number", [1e308, -1e308, -1, int("9" * 299)])
@pytest.mark.parametrize("key", ["used", "reserved", "minimum_seconds", "currency_per_unit"])
def test_prices_are_numbers_that_can_be_computed_with(key: str, number: float, tmp_path: Path) -> None:
    """A product of several of them is still a number that a plan can show."""
    cost = {"unit": "point", "used": 1.0, "checked": "today", "source": "a test", key: number}
    assert codes(tmp_path, scheduler="slurm", cost=cost) == ["out-of-range"]


@pytest.mark.parametrize(
    "word",
    ["--comment={OPENAI_API_KEY}", "--account={0}", "--account={HOME.x}", "--account={HOME:>3000000000}", "--account={}",
     "--account={GROUP!r}", "--account={SECRET_GROUP}", "--account={MY_TOKEN_GROUP}", "--account={HF_TOKEN}", "--account={group}"],
)  # fmt: skip
def test_only_names_of_accounts_are_filled_in(word: str, tmp_path: Path) -> None:
    """Anything else between braces is an error with its place, never formatted."""
    assert codes(tmp_path, scheduler="slurm", submit_args=[word]) == ["service-placeholder"]


@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "PYTHONPATH", "PYTHONSTARTUP", "PATH", "IFS", "PS4", "GCONV_PATH",
     "MALLOC_CHECK_", "HF_ENDPOINT", "HTTPS_PROXY", "VLLM_PLUGINS", "VLLM_ALLOW_RUNTIME_LORA_UPDATING",
     "NCCL_NET_PLUGIN", "NCCL_CONF_FILE", "OMP_TOOL_LIBRARIES", "CUDA_INJECTION64_PATH", "CUDA_VISIBLE_DEVICES", "HF_HUB_CACHE",
     "VLLM_API_KEY", "VLLM_USE_MODELSCOPE", "EVALCTL_RUN_DIR", "SLURM_JOB_ID", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "NCCL_COMM_ID",
     "FLASHINFER_EXTRA_CUDAFLAGS", "VLLM_MEDIA_CONNECTOR", "VLLM_LORA_RESOLVER_HF_REPO_LIST", "UCX_LOG_FILE", "RAY_ADDRESS"],
)  # fmt: skip
def test_variables_that_load_code_or_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    """In the service as in a node kind."""
    kinds = {"cpu": {"gpus": 0, "runtime_column": "hrt_q", "variables": {name: "x"}}}
    assert codes(tmp_path / "a", scheduler="slurm", variables={name: "x"}) == ["service-variable"]
    assert codes(tmp_path / "b", scheduler="slurm", node_kinds=kinds) == ["service-variable"]


@pytest.mark.parametrize(
    "name",
    ["VLLM_MOE_ROUTING_SIMULATION_STRATEGY", "VLLM_TEST_FORCE_LOAD_FORMAT", "VLLM_HUMMING_ONLINE_QUANT_CONFIG", "VLLM_MARLIN_INPUT_DTYPE",
     "VLLM_GPT_OSS_HARMONY_SYSTEM_INSTRUCTIONS", "VLLM_SYSTEM_START_DATE", "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "VLLM_CPU_INT4_W4A8",
     "VLLM_SKIP_MODEL_NAME_VALIDATION", "VLLM_FLOAT32_MATMUL_PRECISION", "VLLM_USE_V2_MODEL_RUNNER", "VLLM_NEW_IN_ANOTHER_VERSION",
     "TRITON_INTERPRET", "TORCH_ANYTHING", "TRANSFORMERS_ANYTHING", "VLLM_logging_level"],
)  # fmt: skip
def test_variables_that_can_change_an_answer_are_refused(name: str, tmp_path: Path) -> None:
    """They are no part of an eval: a result with them would be taken for one without. So only listed names are allowed."""
    assert codes(tmp_path, scheduler="slurm", variables={name: "x"}) in (["service-variable"], ["forbidden-text"])


@pytest.mark.parametrize("value", ["/tmp/x", "http://x", "a b", "$(id)", "`id`", "~/x"])
def test_a_variables_value_is_a_plain_word(value: str, tmp_path: Path) -> None:
    """No path, no address, nothing for a shell."""
    assert codes(tmp_path, scheduler="slurm", variables={"NCCL_DEBUG": value}) == ["service-variable"]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/home/x/init/bash",
        "/etc/profile.d/../x.sh",
        "/opt/../home/x/init/bash",
        "/tmp/init/bash",
        "/etc/profile.d/x",
    ],
)
def test_modules_are_set_up_by_a_file_of_the_site(path: str, tmp_path: Path) -> None:
    """Every job sources it."""
    assert codes(tmp_path, scheduler="slurm", modules_init=path) == ["service-modules-init"]


def test_what_sites_need_is_allowed(tmp_path: Path) -> None:
    """Accounts, queues, resources, reservations, constraints, mail, and settings of vLLM's libraries."""
    kinds = {
        "cpu": {
            "gpus": 0,
            "runtime_column": "hrt_q",
            "directives": ["--nodes=1 --gres=gpu:h100:4", "-G 4", "-C a100&ib"],
        }
    }
    words = [
        "--account={SLURM_ACCOUNT}",
        "-p",
        "{SLURM_PARTITION}",
        "--qos=high",
        "--clusters=gpu",
        "--mail-user=a@b.jp",
    ]
    variables = {"NCCL_SOCKET_IFNAME": "ib0", "NCCL_P2P_DISABLE": "1", "VLLM_LOGGING_LEVEL": "DEBUG", "VLLM_USE_DEEP_GEMM": "0",
                 "OMP_NUM_THREADS": "8", "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True", "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
    assert codes(tmp_path / "a", scheduler="slurm", submit_args=words, node_kinds=kinds, variables=variables) == []
    assert codes(tmp_path / "b", scheduler="gridengine", submit_args=["-g", "{G_GROUP}", "-ar", "{AR_ID}"],
                 directives=["-l node_q=1", "-pe mpi 4"], modules_init="/etc/profile.d/modules.sh") == []  # fmt: skip
    assert (
        codes(
            tmp_path / "c",
            scheduler="pbs",
            submit_args=["-P", "{A_GROUP}"],
            directives=["-q rt_HF", "-l select=1:ncpus=4"],
        )
        == []
    )
