"""How git is called: environment and configuration of every call, and why git cannot use a folder.

The environment is the table of `surroundings.py`. Configuration that says how to reach a remote, who the person is and
what a work file looks like (url.*, credential.*, user.*, core.autocrlf, filters) stays as it is: the person's own git
uses the same. Configuration that would change what is read, sent or moved is overridden here for all calls.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from evalctl import surroundings
from evalctl.shell import Command, EnvironmentProblem, Reply, Run
from evalctl.surroundings import Program

# Configuration that is overridden (seen: git 2.39), and why. Signing (commit.gpgSign) needs no line: fast-import
# never signs, and `evalctl init` says --no-gpg-sign.
CONFIGURATION: dict[str, tuple[str, str]] = {
    "core.hooksPath": (
        "/dev/null",
        "hooks are for the person's own commits and pushes",
    ),
    "core.fsmonitor": ("false", "a monitor that misses a change would let an edit be overwritten"),
    "core.fsync": (
        "objects,reference,index",
        "claims and results survive a power failure: git's default leaves out loose objects and refs",
    ),
    "core.safecrlf": ("false", "a warning about line endings is no reason to stop"),
    "core.quotePath": ("false", "paths in messages are read by people"),
    "color.ui": ("false", "`always` puts escape sequences into what is parsed"),
    "log.showSignature": ("false", "prints gpg's output among the log"),
    "core.commitGraph": ("false", "a cache of the history, which a damaged or copied file could change"),
    "advice.graftFileDeprecated": ("false", "advice for people; GIT_GRAFT_FILE is set for every call"),
    "log.follow": ("false", "the history of one path must not include its earlier names"),
    "i18n.logOutputEncoding": ("UTF-8", "messages are decoded as UTF-8"),
    "grep.patternType": ("basic", "`fixed` would find no trailer, so nothing would be pushed"),
    "diff.renames": ("false", "both names of a renamed file have changed"),
    "diff.noprefix": ("false", "as git's default"),
    "diff.relative": ("false", "paths are from the top unless a call says otherwise"),
    "diff.ignoreSubmodules": ("all", "what is in a submodule is not evalctl's"),
    "diff.orderFile": ("/dev/null", "a list that cannot be read is fatal"),
    "advice.pushUpdateRejected": ("false", "advice for people would be read as the remote's message"),
    "advice.setUpstreamFailure": ("false", "the same"),
    "push.followTags": ("false", "only the person publishes their tags"),
    "push.gpgSign": ("false", "a signature needs a key and a passphrase; the remote may still ask for one"),
    "push.pushOption": ("", "options of the person's pushes start CI or merge requests"),
    "push.recurseSubmodules": ("no", "only the person publishes submodules"),
    "submodule.recurse": ("false", "submodules are neither published nor fetched"),
    "fetch.prune": ("false", "the person's remote-tracking branches would be removed"),
    "fetch.pruneTags": ("false", "local tags would be removed"),
    "fetch.recurseSubmodules": ("no", "only the named branch is fetched"),
    "fetch.writeCommitGraph": ("false", "takes long, and is a task of gc"),
    "gc.auto": ("0", "no repacking while a pass holds its lock"),
    "maintenance.auto": ("false", "the same"),
    "init.templateDir": ("", "a template can contain hooks"),
}
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",  # nobody can answer a prompt when cron runs evalctl
    "GIT_NO_REPLACE_OBJECTS": "1",  # replacements are a local view; the original objects are pushed
    "GIT_GRAFT_FILE": "/dev/null",  # .git/info/grafts is such a view, too (seen: git 2.39 reads it silently)
    "GIT_OPTIONAL_LOCKS": "0",  # reading never takes the person's index.lock
    "GIT_TRACE2": "0",  # trace2.* of the configuration cannot be overridden by -c
    "GIT_TRACE2_EVENT": "0",
    "GIT_TRACE2_PERF": "0",
}
_OWNER = re.compile(r"detected dubious ownership in repository at '(.*)'")
_COMMAND = re.compile(r"^\s*(git config --global --add safe\.directory .+)$", re.MULTILINE)
_NONE = re.compile(r"not a git repository \(or any")  # "not a git repository: PATH" is a broken one


def argv(*words: str) -> tuple[str, ...]:
    """The arguments of a call."""
    settings = (f"{name}={value}" for name, (value, _) in CONFIGURATION.items())
    return ("git", *(word for setting in settings for word in ("-c", setting)), *words)


def environment() -> dict[str, str]:
    """The variables that are set for every call."""
    return dict(_ENVIRONMENT)


def dropped() -> list[str]:
    """The variables of this process that git must not have."""
    return sorted(os.environ.keys() - surroundings.environment(Program.GIT, os.environ).keys())


def command(*words: str, cwd: Path | None = None, timeout_s: float = 60.0) -> Command:
    """A call for `shell.run`."""
    return Command(argv(*words), timeout_s=timeout_s, cwd=cwd, env=_ENVIRONMENT, program=Program.GIT)


def unusable(root: Path, output: str) -> EnvironmentProblem | None:
    """Why git cannot use the repository at `root`, from git's error output; None if that does not say why."""
    if _OWNER.search(output):
        typed = _COMMAND.search(output)
        return EnvironmentProblem(
            f"git does not use {root}, because it belongs to another account: {fatal(output)}",
            typed[1].strip() if typed else f"git config --global --add safe.directory {root}",
        )
    if _NONE.search(output):
        return EnvironmentProblem(
            f"{root} is not a git repository",
            "evalctl keeps requests and results in git: run it inside a clone, or: git init",
        )
    broken = ("not a git repository", "bad config", "repository version", "repo version", "repository extension", "unable to read config",
              "invalid gitfile", "bad numeric config", "bad boolean config")  # fmt: skip
    if any(words in output for words in broken):
        return EnvironmentProblem(
            f"git cannot use the repository at {root}: {fatal(output)}", "git status says the same"
        )
    return None


def fatal(output: str) -> str:
    """The line of git's error output that gives the reason."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    found = [line.partition(": ")[2] for line in lines if line.startswith(("fatal: ", "error: "))]
    return (found or lines or ["git gave no reason"])[0]


def usable(root: Path, run: Run) -> None:
    """Raises an EnvironmentProblem unless git can use the repository that `root` is in."""
    reply = run(command("rev-parse", "--git-dir", cwd=root))
    if reply.status != 0:
        raise unusable(root, reply.stderr) or EnvironmentProblem(f"git cannot use {root}: {fatal(reply.stderr)}")


_SHARED = {
    "group": 0o660, "true": 0o660, "yes": 0o660, "on": 0o660, "1": 0o660,
    "all": 0o664, "world": 0o664, "everybody": 0o664, "2": 0o664,
}  # fmt: skip


def shared_mode(root: Path, run: Run) -> int:
    """The permissions of files in a clone that several people use (core.sharedRepository); 0 where the umask decides."""
    output = run(command("config", "--get", "core.sharedRepository", cwd=root)).stdout.strip().lower()
    octal = int(output, 8) & 0o666 if re.fullmatch("0[0-7]{3}", output) else 0
    return _SHARED.get(output, octal)


def commit_of(root: Path, revision: str, run: Run) -> str | None:
    """The commit that `revision`, typed by a person, names (never taken as an option); None where git knows none."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    reply: Reply = run(command(*words, cwd=root))
    if reply.status != 0 and (problem := unusable(root, reply.stderr)):
        raise problem
    return one_commit(reply.stdout) if reply.status == 0 else None


def left_at(root: Path, base: str, run: Run) -> str:
    """The commit where the current branch left the history of `base`: commits added to `base` since are not the branch's.

    `base` itself where the two have no common history; raises where git does not know `base` or the clone is shallow.
    """
    commit = commit_of(root, base, run)
    if commit is None:
        raise EnvironmentProblem(f"git knows no commit `{base}`", "fetch that commit (in CI: fetch-depth: 0)")
    reply = run(command("merge-base", "--end-of-options", commit, "HEAD", cwd=root))
    found = one_commit(reply.stdout) if reply.status == 0 else None
    if found is None and run(command("rev-parse", "--is-shallow-repository", cwd=root)).stdout.strip() == "true":
        message = f"git cannot compare with `{base}`: this clone is shallow and has no common history with it"
        raise EnvironmentProblem(message, "git fetch --unshallow (in CI: fetch-depth: 0)")
    return found or commit


def one_commit(output: str) -> str | None:
    """The output of `rev-parse`, if it is one commit: `rev-parse --verify` accepts `^main` as well, which excludes a commit."""
    return output.strip() if re.fullmatch(r"[0-9a-f]{40,64}", output.strip()) else None
