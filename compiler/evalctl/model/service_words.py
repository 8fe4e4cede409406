"""Words of a service file that reach a submit command: which variables may be in them, and how they are filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

# Names of accounts and places, never of keys: the values are on a command line, which all users of the machine
# can read, and in submit.log.
VARIABLE = re.compile(
    r"(?!.*(?:KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH))(?:[A-Z][A-Z0-9_]*_)?"
    r"(?:GROUP|ACCOUNT|PROJECT|PARTITION|QUEUE|QOS|RESERVATION|CLUSTER|AR_ID)"
)
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
# Slurm's options by which a job names its GPUs; --gres-flags, --cpus-per-gpu and --mem-per-gpu name none.
_GPUS = re.compile(r"(?:^|\s)(--gpus(?:-per-\w+)?(?=[= ])|-G|--gres(?=[= ](?:\S*,)?gpu\b))")
_VALUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+:-]{0,127}")


def placeholders(word: str) -> list[str]:
    """The names between braces, allowed or not."""
    return PLACEHOLDER.findall(word)


def filled(word: str, environment: Mapping[str, str], scheduler: str) -> str:
    """The word with its `{NAME}`s replaced; raises KeyError with a name that is not set, or holds no plain word."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not VARIABLE.fullmatch(name):
            raise KeyError(f"{name} (no variable that a service may name)")
        found = environment[name]
        if not _VALUE.fullmatch(found):
            raise KeyError(f"{name} (its value is not a plain word)" if found else name)
        if scheduler == "pbs" and "@" in found:
            raise KeyError(f"{name} (with @ it names another server, whose jobs are not listed)")
        if scheduler == "slurm" and name.endswith("CLUSTER") and found == "all":
            raise KeyError(f"{name} (`all` names no cluster)")
        return found

    return PLACEHOLDER.sub(value, word)


def gpu_option(words: Iterable[str]) -> str:
    """The option by which words for sbatch name GPUs; "" where none does."""
    return next((found[1] for word in words if (found := _GPUS.search(word))), "")
