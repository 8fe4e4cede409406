"""The words for a fence, shared by both programs: in service files, in scripts, in `fence.json` and in result.json."""

from __future__ import annotations

from dataclasses import dataclass

FENCED, BEST_EFFORT, UNFENCED = "fenced", "best-effort", "unfenced"
POLICIES = (FENCED, BEST_EFFORT, UNFENCED)

KEYS, FILES, NETWORK, PROCESSES = "keys", "files", "network", "processes"
ALL = (KEYS, FILES, NETWORK, PROCESSES)

NAMESPACES, LANDLOCK, LIMITS, NONE = "namespaces", "landlock", "limits", "none"

POLICY_VARIABLE, RECORD_VARIABLE = "EVALCTL_CODE_EXECUTION", "EVALCTL_FENCE_RECORD"
REFUSED, FAILED = "refused", "failed"  # how a text about code that was not run begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What stands around a run: its kind, what it denies (of ALL), and why it is not a better one."""

    kind: str = NONE
    denies: tuple[str, ...] = ()
    why: str = ""

    @property
    def left_open(self) -> tuple[str, ...]:
        """What the code could reach."""
        return tuple(one for one in ALL if one not in self.denies)


def shown(fence: Fence) -> str:
    """One line for people: what it denies, what it leaves open and why."""
    denied = f"denies {', '.join(fence.denies)}" if fence.denies else "denies nothing"
    left = f"; open: {', '.join(fence.left_open)}" if fence.left_open else ""
    return f"{fence.kind}: {denied}{left}" + (f" ({fence.why})" if fence.why else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExecution:
    """`fence.json`, and `code_execution` of result.json: what the service demanded, and the fence that stood around the code."""

    policy: str
    fence: str = NONE
    denies: tuple[str, ...] = ()

    @property
    def in_words(self) -> str:
        """For people: what it denied, and what it left open."""
        return shown(Fence(kind=self.fence, denies=self.denies))

    @property
    def warning(self) -> str:
        """What a reader of the scores should know of an incomplete fence; "" of a whole one."""
        left = Fence(denies=self.denies).left_open
        return f"code that the model wrote ran without a fence around: {', '.join(left)}" if left else ""
