"""The node: `.env`, modules, caches, scratch, GPUs. Functions take and return variables; os.environ is never changed."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from evalctl_job.attempt import AttemptFile
from evalctl_job.supervisor import local_folders
from evalctl_job.supervisor.document import Node
from evalctl_job.supervisor.ending import ENVIRONMENT, GiveUp

Variables = dict[str, str]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = re.compile(r"_|PWD|OLDPWD|SHLVL|BASH.*|EVALCTL_.*|CUDA_VISIBLE_DEVICES")
_OF_PYTHON = re.compile(r"PYTHON(?!(?:DONTWRITEBYTECODE|UNBUFFERED|FAULTHANDLER)$).*")
_REFERENCE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
# A separate shell reads .env, so that its commands cannot change the job. Its output may contain a key.
_READ_ENV = 'trap "env -0" EXIT; set -a; source "$1" >&2'
# The site's own scripts were not written for `set -u`. Status 9: a module cannot be loaded, and its name is the output.
_LOAD = """\
exec {out}>&1 1>&2
[[ ! -r $1 ]] || source "$1"
shift
for module in "$@"; do
  module load "$module" || { printf '%s' "$module" >&"$out"; exit 9; }
done
env -0 >&"$out"
"""
_CACHES = {
    "HF_HOME": "huggingface", "VLLM_CACHE_ROOT": "vllm", "VLLM_CONFIG_ROOT": "vllm-config", "TRITON_CACHE_DIR": "triton",
    "TORCHINDUCTOR_CACHE_DIR": "inductor", "XDG_CACHE_HOME": "",
}  # fmt: skip
_MORE_CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "UV_CACHE_DIR")
_LABS_NAMES = {  # names in the lab's .env, and those that the programs read
    "HUGGINGFACE_CACHE": ("HF_HOME", "HUGGINGFACE_HUB_CACHE"), "VLLM_CACHE": ("VLLM_CACHE_ROOT",),
    "UV_CACHE": ("UV_CACHE_DIR",),
}  # fmt: skip


def hostname() -> str:
    """This node's name."""
    return os.uname().nodename


def with_env_file(variables: Variables, attempt: AttemptFile) -> Variables:
    """The variables with those of .env, except names that the job sets."""
    if not os.access(attempt.env_file, os.R_OK):
        return variables
    read = subprocess.run(
        ["bash", "-c", _READ_ENV, "bash", attempt.env_file], env=variables, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return variables | {
        name: value
        for name, value in _pairs(read.stdout).items()
        if _NAME.fullmatch(name) and not _OURS.fullmatch(name)
    }


def with_caches(variables: Variables, folder: str) -> Variables:
    """The variables with folders for caches: as .env names them, else one of evalctl's; never in the home folder."""
    named = {name: variables[labs] for labs, names in _LABS_NAMES.items() if variables.get(labs) for name in names}
    own = {name: str(Path(folder, inner)) for name, inner in _CACHES.items()} if folder else {}
    return {**own, **{name: value for name, value in variables.items() if value or name not in own}, **named}


def has_own_caches(variables: Mapping[str, str], folder: str) -> bool:
    """Whether all caches are in evalctl's own folder."""
    named = [variables[name] for name in (*_CACHES, *_MORE_CACHES) if variables.get(name)]
    return bool(folder) and all(Path(one).resolve().is_relative_to(Path(folder).resolve()) for one in named)


def with_modules(variables: Variables, node: Node) -> Variables:
    """The variables after `module load` of the site's modules."""
    if not node.modules:
        return variables
    loaded = subprocess.run(
        ["bash", "-c", _LOAD, "bash", node.modules_init, *node.modules], env=variables, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    if loaded.returncode:
        module = loaded.stdout.decode(errors="replace") or " ".join(node.modules)
        raise GiveUp(ENVIRONMENT, "module-missing", f"module load {module} failed on {hostname()}")
    return _pairs(loaded.stdout)


def _pairs(output: bytes) -> Variables:
    texts = (os.fsdecode(part).partition("=") for part in output.split(b"\0") if part)
    return {name: value for name, _, value in texts}


def scratch_bases(variables: Mapping[str, str], node: Node) -> list[str]:
    """The scratch folders of the service, as this node has them."""
    folders = (expanded(candidate, variables) for candidate in node.scratch)
    return [folder for folder in folders if folder is not None and folder.startswith("/")]


def made_scratch(variables: Mapping[str, str], node: Node, name: str) -> Path | None:
    """A new folder with a name that begins with `name`, in the first scratch folder of this node; the job removes it."""
    for folder in scratch_bases(variables, node):
        try:
            return local_folders.made(Path(folder, name))
        except OSError:
            continue
    return None


def expanded(text: str, variables: Mapping[str, str]) -> str | None:
    """$NAME and ${NAME} replaced, nothing else of a shell; None when one is not set."""
    if any(not variables.get(name) for name in _REFERENCE.findall(text)):
        return None
    return _REFERENCE.sub(lambda match: variables[match[1]], text)


def gpu_lines(variables: Mapping[str, str], fields: str) -> list[str]:
    """A line of nvidia-smi for each GPU; none without nvidia-smi."""
    try:
        reply = subprocess.run(
            ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], env=dict(variables),
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
    except OSError:
        return []
    return reply.stdout.splitlines()


def without_python(variables: Variables) -> Variables:
    """The variables without those by which a Python loads other packages than its job environment's, or works otherwise.

    A site's modules set such ones (`module load python`): a framework of another version would measure under the recorded one.
    """
    return {name: value for name, value in variables.items() if not _OF_PYTHON.fullmatch(name)}


def with_gpu_indices(variables: Variables) -> Variables:
    """ABCI names GPUs by UUID on shared nodes, which older vLLM cannot read (seen in its issues: 13815, 20939)."""
    devices = variables.get("CUDA_VISIBLE_DEVICES", "")
    if "GPU-" not in devices:
        return variables
    for line in gpu_lines(variables, "index,uuid"):
        index, _, uuid = line.partition(", ")
        devices = devices.replace(uuid, index) if uuid else devices
    return variables | {"CUDA_VISIBLE_DEVICES": devices}


def require_gpus(variables: Mapping[str, str], gpus: int) -> None:
    """GiveUp where the node offers fewer GPUs than the job needs; not checked without nvidia-smi."""
    listed = gpu_lines(variables, "index") if gpus else []
    if not listed:
        return
    devices = variables.get("CUDA_VISIBLE_DEVICES")
    offered = len(devices.split(",")) if devices else len(listed)
    if offered < gpus:
        raise GiveUp(ENVIRONMENT, "gpu-missing", f"{gpus} GPUs are needed, {hostname()} offers {offered}")
