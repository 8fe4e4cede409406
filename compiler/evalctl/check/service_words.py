"""What a service file may add to a submit command, to the job's shell and to its environment: closed lists.

A service file can come with a pull request. It may contain scheduler options that choose where a job runs and who pays, but
none that sets the script, the shell, a file, the environment, the job's name or its output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from evalctl.model.catalogue import ServiceEntry
from evalctl.model.diagnostic import Diagnostic, Span
from evalctl.model.service_words import PLACEHOLDER, VARIABLE, gpu_option, placeholders
from evalctl.suggest import listed
from evalctl_job.server_variables import SETTINGS

# Options by scheduler; options without a value are in _FLAGS. A value never begins with `-`.
OPTIONS: dict[str, tuple[str, ...]] = {
    "gridengine": ("-g", "-l", "-q", "-P", "-A", "-ar", "-pe", "-m", "-M", "-R", "-js", "-hard", "-soft"),
    "pbs": ("-P", "-q", "-l", "-A", "-m", "-M"),
    "slurm": (
        "--account", "-A", "--partition", "-p", "--qos", "-q", "--reservation", "--constraint", "-C", "--nodes", "-N",
        "--ntasks", "-n", "--ntasks-per-node", "--cpus-per-task", "-c", "--cpus-per-gpu", "--gpus", "-G",
        "--gpus-per-node", "--gpus-per-task", "--gres", "--gres-flags", "--mem", "--mem-per-cpu", "--mem-per-gpu",
        "--exclude", "-x", "--nodelist", "-w", "--licenses", "-L", "--mail-type", "--mail-user", "--comment", "--wckey",
        "--switches", "--tmp", "--exclusive", "--spread-job", "--hint", "--prefer",
    ),
    "local": (),
}  # fmt: skip
# Allowed only in `submit_args`: the commands that list and cancel jobs read them there.
_CLUSTER = ("--clusters", "--cluster", "-M")
_FLAGS = frozenset({"-hard", "-soft", "--exclusive", "--spread-job"})
_TWO_VALUES = frozenset({"-pe"})
# Resources of `-l` that limit a job's time: evalctl computes the walltime of each job from its tasks.
_TIMES = {
    "gridengine": frozenset({"h_rt", "s_rt", "h_cpu", "s_cpu", "d_rt"}),
    "pbs": frozenset({"walltime", "min_walltime", "max_walltime", "soft_walltime", "cput", "pcput"}),
}  # fmt: skip
# What evalctl itself says of each job, by the names of the options; a test compares them with what it writes.
SET: dict[str, dict[str, str]] = {
    "gridengine": {
        "-N": "its name", "-S": "its shell", "-cwd": "its folder", "-p": "its priority", "-j": "its log", "-o": "its log", "-e": "its log",
        "-r": "that the scheduler never starts it again", "-v": "its environment",
    },
    "pbs": {
        "-N": "its name", "-p": "its priority", "-j": "its log", "-k": "its log", "-o": "its log", "-e": "its log",
        "-r": "that the scheduler never starts it again", "-v": "its environment",
    },
    "slurm": {
        "--job-name": "its name", "-J": "its name", "--time": "its walltime", "-t": "its walltime", "--nice": "its priority",
        "--no-requeue": "that the scheduler never starts it again", "--requeue": "that the scheduler never starts it again", "--signal": "its signal before the end",
        "--output": "its log", "-o": "its log", "--error": "its log", "-e": "its log", "--export": "its environment",
        "--parsable": "the format of the reply",
    },
    "local": {},
}  # fmt: skip
_WALLTIME_HELP = "remove it; a limit of the site is `max_walltime` of the service or of the node kind"
_RESOURCES = re.compile(r"[,:+=&|()\[\]!*]")
_VALUE = re.compile(r"[A-Za-z0-9_*!(\[][A-Za-z0-9_.:,@+=*&|()\[\]!-]{0,255}")
_CLUSTER_VALUE = re.compile(r"(?!all$)[A-Za-z0-9_.-]{1,64}")

_INIT = re.compile(
    r"/etc/profile\.d/(?!\.)[\w.+-]+\.sh"
    r"|/(?:usr|opt|apps|cm|cvmfs|software)/(?:(?!\.)[\w.+-]+/)*init/(?:bash|sh|profile)"
)

# Libraries with many variables, none of which computes anything of a model.
_LIBRARIES = ("NCCL", "TORCH_NCCL", "OMP", "MKL", "OPENBLAS", "UCX", "FI", "GLOO")
# Words in the names of their variables by which a library loads a file, a plug-in or code, or contacts another host.
_DENIED = frozenset({
    "PATH", "PATHS", "DIR", "DIRS", "FILE", "FILES", "LIBRARY", "LIBRARIES", "LIB", "LIBS", "SO", "HOME", "ROOT", "CACHE",
    "PLUGIN", "PLUGINS", "MODULE", "MODULES", "URL", "URI", "ENDPOINT", "PROXY", "HOST", "ADDR", "ADDRESS", "SERVER", "PORT", "IP", "ID",
    "KEY", "TOKEN", "SECRET", "PASSWORD", "CMD", "COMMAND", "EXEC", "TOOL", "TOOLS", "INSECURE", "REGISTRY", "CUSTOM", "HOOK", "HOOKS",
    "DEBUGGER", "PRELOAD", "FOLDER", "REMOTE", "PIPE",
})  # fmt: skip
_BLANKS = re.compile(r" +(?=.)")  # as the scheduler splits words: a no-break space is part of a word
# A module file runs code, and `module load` also accepts a path or an option.
_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*){0,5}")
# The folder for a job's local files: one of the site's variables, or an absolute path that may contain such variables.
_PLACE = r"\$\{?(?!EVALCTL|[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASS|AUTH))[A-Z0-9_]*(?:JOBID|JOB_ID|USER|TMP|LOCAL|SCRATCH)[A-Z0-9_]*\}?"
_FOLDER = rf"(?:{_PLACE}|[\w+-][\w.+-]*)"
_SCRATCH = re.compile(rf"(?:{_PLACE}|/{_FOLDER})(?:/{_FOLDER})*", re.ASCII)
_PLAIN = re.compile(r"[\w.,:+=-]{0,200}")


def word_problems(entry: ServiceEntry) -> list[Diagnostic]:
    """A finding for everything in the file that is on none of the lists."""
    service, span = entry.service, entry.document.span
    found = [*_options(entry, service.submit_args, span(("submit_args",)), submit=True)]
    found += _options(entry, service.directives, span(("directives",)))
    found += _variables(service.variables, span(("variables",)))
    for name, node in service.node_kinds.items():
        found += _options(entry, node.directives, span(("node_kinds", name, "directives")))
        found += _variables(node.variables, span(("node_kinds", name, "variables")))
    found += _listed(
        entry,
        "modules",
        _MODULE,
        "service-module",
        "is not the name of a module",
        "write NAME or NAME/VERSION, as `module avail` prints it",
    )
    found += _listed(
        entry, "scratch", _SCRATCH, "service-scratch", "is not a scratch folder",
        "write a variable of the site ($SLURM_TMPDIR) or a folder (/local/$JOB_ID); a variable's name must contain JOBID, JOB_ID, USER, TMP, LOCAL or SCRATCH",
    )  # fmt: skip
    if service.modules_init is not None and not _INIT.fullmatch(service.modules_init):
        help = (
            "write the path of the site's own file: /etc/profile.d/NAME.sh, /usr/share/…/init/bash or /opt/…/init/bash"
        )
        message = f"`{service.modules_init}` is not a file that sets up environment modules"
        found.append(Diagnostic("service-modules-init", message, span(("modules_init",)), help))
    return found


def _listed(
    entry: ServiceEntry, key: str, form: re.Pattern[str], code: str, why: str, help: str
) -> Iterator[Diagnostic]:
    """A finding for each text of a list that does not have the required form."""
    for index, text in enumerate(getattr(entry.service, key)):
        if not form.fullmatch(text):
            yield Diagnostic(code, f"`{text[:80]}` {why}", entry.document.span((key, index)), help)


def _options(entry: ServiceEntry, given: tuple[str, ...], span: Span, *, submit: bool = False) -> Iterator[Diagnostic]:
    """One finding for the first word that is not allowed: after it, options and values cannot be distinguished."""
    scheduler = entry.service.scheduler
    if submit:
        bad = [name for word in given for name in placeholders(word) if not VARIABLE.fullmatch(name)]
        if bad:
            help = "allowed: names that end in GROUP, ACCOUNT, PROJECT, PARTITION, QUEUE, QOS, RESERVATION, CLUSTER or AR_ID"
            yield Diagnostic("service-placeholder", f"the variable `{{{bad[0][:60]}}}` is not allowed here", span, help)
            return
        given = tuple(PLACEHOLDER.sub("X", word) for word in given)
    known = (*OPTIONS[scheduler], *(_CLUSTER if submit and scheduler == "slurm" else ()))
    words = [word for text in given for word in _BLANKS.split(text)]
    # A directive is a line of its own: an option and its value are in one text. Words of a command are one after another.
    lines = [words] if submit else [_BLANKS.split(text) for text in given]
    wrong = next((one for line in lines if (one := _first_wrong(line, known, scheduler)) is not None), None)
    if wrong is not None:
        message, help = _not_allowed(wrong, known, scheduler)
    elif conflict := _conflict(words, scheduler, submit=submit):
        message, help = conflict
    else:
        return
    yield Diagnostic("service-option", message, span, help)


def _not_allowed(word: str, known: tuple[str, ...], scheduler: str) -> tuple[str, str]:
    """Message and help for a word: evalctl sets it, it lacks its value, or it is on no list."""
    option = word.partition("=")[0] if word.startswith("--") or scheduler != "slurm" else word[:2]
    if what := SET[scheduler].get(option):
        return (
            f"`{option}` is set by evalctl for each job: {what}",
            _WALLTIME_HELP if "walltime" in what else "remove it",
        )
    if word in known:
        return f"`{word}` has no value here", f"write option and value in one text: `{word} VALUE`"
    allowed = listed(known) if known else "none: evalctl sets all options of the local queue"
    return f"`{word[:80]}` is not allowed here", f"allowed: {allowed}"


def _conflict(words: list[str], scheduler: str, *, submit: bool) -> tuple[str, str] | None:
    """What an allowed option would change of that which evalctl itself says of each job."""
    if submit and scheduler == "slurm" and (option := gpu_option([" ".join(words)])):
        message = f"`{option}` is set by evalctl for each job: the GPUs of its node kind"
        return message, "remove it; the `directives` of a node kind may name them in the site's own way"
    for option, value in pairwise(words):
        named = {name.casefold() for name in _RESOURCES.split(value)} if option == "-l" else set()
        if times := sorted(named & _TIMES.get(scheduler, frozenset())):
            message = f"`{times[0]}` is set by evalctl: each job's walltime follows from its tasks"
            return message, _WALLTIME_HELP
    kinds = [word for word in words if word in ("-hard", "-soft")]
    if kinds and kinds[-1] == "-soft":
        return "a walltime after `-soft` is not a limit", "add `-hard` after the resources that are soft"
    return None


def _first_wrong(words: list[str], known: tuple[str, ...], scheduler: str) -> str | None:
    wanted, option = 0, ""
    for word in words:
        if wanted:
            if not _value_fits(scheduler, option, word):
                return word
            wanted -= 1
            continue
        option, equals, value = word.partition("=")
        if scheduler == "slurm" and not word.startswith("--"):
            option, equals, value = word[:2], word[2:], word[2:]
        if option not in known or (not option.startswith("--") and scheduler != "slurm" and equals):
            return word
        if equals and not _value_fits(scheduler, option, value):
            return word
        wanted = 0 if equals or option in _FLAGS else 2 if option in _TWO_VALUES else 1
    return option if wanted else None


def _value_fits(scheduler: str, option: str, value: str) -> bool:
    if scheduler == "slurm" and option in _CLUSTER:
        return _CLUSTER_VALUE.fullmatch(value) is not None
    # `-q queue@server` of PBS names another server, whose jobs the query would not list.
    elsewhere = scheduler == "pbs" and option == "-q" and "@" in value
    return _VALUE.fullmatch(value) is not None and not elsewhere


def _variables(given: Mapping[str, str], span: Span) -> Iterator[Diagnostic]:
    for name, value in given.items():
        of_library = any(name.startswith(f"{library}_") for library in _LIBRARIES)
        if name not in SETTINGS and (not of_library or _DENIED & set(name.split("_"))):
            help = (
                "allowed: threads, memory, network and logs of vLLM and its libraries (`evalctl explain service-variable`); "
                "what can change an answer is a setting of a request; proxies and the like are set in .env"
            )
            yield Diagnostic("service-variable", f"`{name}` may not be set in a service file", span, help)
        elif not _PLAIN.fullmatch(value):
            yield Diagnostic(
                "service-variable", f"the value of `{name}` has a character that is not allowed", span,
                "use letters, digits and . , : + = - _ only: no path, no address",
            )  # fmt: skip
