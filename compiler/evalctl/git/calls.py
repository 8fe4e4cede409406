"""Every call of git: which configuration cannot change it, and what git says about a folder that it cannot use.

The environment is the table of `surroundings.py`. Configuration that says how to reach a remote, who the person is and
what a work file looks like (url.*, credential.*, user.*, core.autocrlf, filters) stays as it is: the person's own git
uses the same. What would change what is read, sent or moved is set here, for all calls alike.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from evalctl import surroundings
from evalctl.shell import Command, EnvironmentProblem, Reply, Run
from evalctl.surroundings import Program

# Configuration that is overridden (seen: git 2.39), and why. Signing (commit.gpgSign) needs no line: fast-import never signs.
CONFIGURATION: dict[str, tuple[str, str]] = {
    "core.hooksPath": (
        "/dev/null",
        "hooks are for the person's own commits and pushes; ours are only in git's plumbing",
    ),
    "core.fsmonitor": ("false", "a monitor that misses a change would let an edit be overwritten"),
    "core.safecrlf": ("false", "a warning about line ends is no reason to stop"),
    "core.quotePath": ("false", "paths in messages are read by people"),
    "color.ui": ("false", "`always` puts escape sequences into what is parsed"),
    "log.showSignature": ("false", "prints gpg's words among the log"),
    "core.commitGraph": ("false", "a cache of the history, which a damaged or copied file could change"),
    "advice.graftFileDeprecated": ("false", "advice for people; GIT_GRAFT_FILE is set for every call"),
    "log.follow": ("false", "a history of one path is of that path"),
    "i18n.logOutputEncoding": ("UTF-8", "messages are decoded as UTF-8"),
    "grep.patternType": ("basic", "`fixed` would find no trailer, so nothing would be pushed"),
    "diff.renames": ("false", "both names of a renamed file have changed"),
    "diff.noprefix": ("false", "as git's default"),
    "diff.relative": ("false", "paths are from the top unless a call says otherwise"),
    "diff.ignoreSubmodules": ("all", "what is in a submodule is not evalctl's"),
    "diff.orderFile": ("/dev/null", "a list that cannot be read is fatal"),
    "advice.pushUpdateRejected": ("false", "advice for people would be taken for the remote's words"),
    "advice.setUpstreamFailure": ("false", "the same"),
    "push.followTags": ("false", "the person's tags are theirs to publish"),
    "push.gpgSign": ("false", "a signature needs a key and a passphrase; the remote may still ask for one"),
    "push.pushOption": ("", "options of the person's pushes start CI or merge requests"),
    "push.recurseSubmodules": ("no", "submodules are the person's to publish"),
    "submodule.recurse": ("false", "the same, and no fetch of them"),
    "fetch.prune": ("false", "nothing of the person's is removed"),
    "fetch.pruneTags": ("false", "local tags would be removed"),
    "fetch.recurseSubmodules": ("no", "only the asked-for branch is fetched"),
    "fetch.writeCommitGraph": ("false", "takes long, and is for gc"),
    "gc.auto": ("0", "no repacking while a pass holds its lock"),
    "maintenance.auto": ("false", "the same"),
    "init.templateDir": ("", "a template brings hooks"),
}
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",  # nobody is at the terminal when cron calls
    "GIT_NO_REPLACE_OBJECTS": "1",  # replacements are a local view; what is pushed are the true objects
    "GIT_GRAFT_FILE": "/dev/null",  # .git/info/grafts is such a view, too (seen: git 2.39 reads it without a word)
    "GIT_OPTIONAL_LOCKS": "0",  # reading never takes the person's index.lock
    "GIT_TRACE2": "0",  # trace2.* of the configuration cannot be overridden by -c
    "GIT_TRACE2_EVENT": "0",
    "GIT_TRACE2_PERF": "0",
}
_OWNER = re.compile(r"detected dubious ownership in repository at '(.*)'")
_COMMAND = re.compile(r"^\s*(git config --global --add safe\.directory .+)$", re.MULTILINE)
_NONE = re.compile(r"not a git repository \(or any")  # "not a git repository: PATH" is a broken one


def argv(*words: str) -> tuple[str, ...]:
    """The words of a call."""
    settings = (f"{name}={value}" for name, (value, _) in CONFIGURATION.items())
    return ("git", *(word for setting in settings for word in ("-c", setting)), *words)


def environment() -> dict[str, str]:
    """What every call has set."""
    return dict(_ENVIRONMENT)


def dropped() -> list[str]:
    """The variables of this process that git must not have."""
    return sorted(os.environ.keys() - surroundings.environment(Program.GIT, os.environ).keys())


def command(*words: str, cwd: Path | None = None, timeout_s: float = 60.0) -> Command:
    """A call for `shell.run`."""
    return Command(argv(*words), timeout_s=timeout_s, cwd=cwd, env=_ENVIRONMENT, program=Program.GIT)


def unusable(root: Path, said: str) -> EnvironmentProblem | None:
    """Why git cannot use the repository at `root`, from its own words; None if they say nothing about that."""
    if _OWNER.search(said):
        typed = _COMMAND.search(said)
        return EnvironmentProblem(
            f"git does not use {root}, because it belongs to another account: {fatal(said)}",
            typed[1].strip() if typed else f"git config --global --add safe.directory {root}",
        )
    if _NONE.search(said):
        return EnvironmentProblem(
            f"{root} is not a git repository",
            "evalctl keeps requests and results in git: run it inside a clone, or: git init",
        )
    broken = ("not a git repository", "bad config", "repository version", "repo version", "repository extension", "unable to read config",
              "invalid gitfile", "bad numeric config", "bad boolean config")  # fmt: skip
    if any(words in said for words in broken):
        return EnvironmentProblem(f"git cannot use the repository at {root}: {fatal(said)}", "git status says the same")
    return None


def fatal(said: str) -> str:
    """The line of git's error output that says why."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
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
    said = run(command("config", "--get", "core.sharedRepository", cwd=root)).stdout.strip().lower()
    octal = int(said, 8) & 0o666 if re.fullmatch("0[0-7]{3}", said) else 0
    return _SHARED.get(said, octal)


def commit_of(root: Path, revision: str, run: Run) -> str | None:
    """The commit that a person's word names, never an option of git; None where git knows none."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    reply: Reply = run(command(*words, cwd=root))
    if reply.status != 0 and (problem := unusable(root, reply.stderr)):
        raise problem
    return one_commit(reply.stdout) if reply.status == 0 else None


def left_at(root: Path, base: str, run: Run) -> str:
    """The commit where the current branch left the history of `base`: what others added there since is not the branch's.

    `base` itself where the two have no common history; raises where git does not know it, or has only a part of the history.
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


def one_commit(said: str) -> str | None:
    """What `rev-parse` said, where it is one commit: `^main` is verified, too, and means all but that one."""
    return said.strip() if re.fullmatch(r"[0-9a-f]{40,64}", said.strip()) else None
