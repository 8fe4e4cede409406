"""qsub: options and directives, what is refused, and a job's attributes in the order in which qstat lists them."""

import getopt
import getpass
import re
import time
from pathlib import Path

from store import HOST, Refused, numbers, save, script_of, seconds

QUEUES = ("rt_HF", "rt_HG", "rt_HC")
CORES, LONGEST = 16, 168 * 3600
RESOURCES = ("select", "walltime", "ncpus", "mem", "place", "mpiprocs", "ompthreads")
OPTIONS = "a:A:c:C:e:fhIj:J:k:l:m:M:N:o:p:P:q:r:R:S:u:v:Vw:W:Xz"
USAGE = "usage: qsub [-a date_time] [-A account_string] [-c interval]\n       qsub --version"


def qsub(words):
    """The new job's number and whether it can start now."""
    options, rest = _parsed(words)
    text = _script_text(rest)
    inner, _ = _parsed(_directives(text))
    given = {**inner, **options, "-l": [*inner.get("-l", []), *options.get("-l", [])]}
    resources = _resources(given["-l"])
    _check(given, resources)
    number = str(len(numbers()))
    script_of(number).write_text(text)
    script_of(number).chmod(0o700)
    job = _job(number, {"-N": Path(rest[0]).name, **given}, resources, words)
    save(number, job)
    return number, job["job_state"] == "Q" and not job["comment"]


def _parsed(words):
    """Options with their last value (all of `-l`), and the words after them."""
    try:
        pairs, rest = getopt.getopt(words, OPTIONS)
    except getopt.GetoptError as error:
        raise Refused(2, f"qsub: invalid option -- '{error.opt[:1]}'\n{USAGE}") from error
    options: dict = dict(pairs)
    if "-l" in options:
        options["-l"] = [value for name, value in pairs if name == "-l"]
    return options, rest


def _script_text(rest):
    try:
        return Path(rest[0]).read_text()
    except (OSError, IndexError) as error:
        raise Refused(1, "qsub: script file:: No such file or directory") from error


def _directives(text):
    words = []
    for line in text.splitlines():
        if line.startswith("#PBS "):
            words += line[5:].split()
        elif line.strip() and not line.startswith("#"):
            break
    return words


def _resources(texts):
    pairs = dict(part.split("=", 1) for text in texts for part in text.split(",") if "=" in part)
    for name in (*pairs, *re.findall(r":(\w+)=", pairs.get("select", ""))):
        if name not in RESOURCES:
            raise Refused(187, f"qsub: Unknown resource Resource_List.{name}")
    return {"select": "1:ncpus=1", "walltime": "01:00:00", **pairs}


def _check(given, resources):
    if not re.fullmatch(r"[\w.+-]{1,230}", given.get("-N", "STDIN"), re.ASCII):
        raise Refused(2, f"qsub: illegal -N value\n{USAGE}")
    if not given.get("-o", "").isascii():
        raise Refused(2, f"qsub: illegal -o value\n{USAGE}")
    if "-P" not in given:
        raise Refused(32, "qsub: a group is needed: qsub -P GROUP")
    if "-q" not in given:
        raise Refused(189, "qsub: No default queue specified")
    if given["-q"] not in QUEUES:
        raise Refused(170, "qsub: Unknown queue")
    if not re.fullmatch(r"(\d+:){0,2}\d+", resources["walltime"]):
        raise Refused(166, "qsub: Illegal attribute or resource value Resource_List.walltime")
    if seconds(resources["walltime"]) > LONGEST:
        raise Refused(188, "qsub: Job violates queue and/or server resource limits")


def _job(number, given, resources, words):
    """What begins with `_` is the stand-in's own."""
    name, now, here = given["-N"], time.ctime(), Path.cwd()
    state = "H" if "-h" in given else "W" if "-a" in given else "Q"
    output = str(here / given.get("-o", f"{name}.o{number}"))
    return {
        "Job_Name": name, "Job_Owner": f"{getpass.getuser()}@{HOST}", "job_state": state, "queue": given["-q"],
        "server": HOST, "Checkpoint": "u", "ctime": now, "Error_Path": f"{HOST}:{here}/{name}.e{number}", "exec_host": "",
        "Hold_Types": "u" if state == "H" else "n", "Join_Path": given.get("-j", "n"), "Keep_Files": given.get("-k", "n"),
        "Mail_Points": "a", "mtime": now, "Output_Path": f"{HOST}:{output}", "Priority": given.get("-p", "0"), "qtime": now,
        "Rerunable": "False" if given.get("-r") == "n" else "True",
        **{f"Resource_List.{key}": value for key, value in sorted(resources.items())},
        "stime": "", "session_id": "", "substate": {"H": "20", "W": "30", "Q": "10"}[state],
        "Variable_List": f"PBS_O_WORKDIR={here},{given.get('-v', '')}", "comment": _impossible(resources["select"]),
        "run_count": "", "Exit_status": "", "Submit_arguments": " ".join(words), "project": given["-P"],
        "Submit_Host": HOST, "_output": output, "_variables": given.get("-v", ""), "_workdir": str(here), "_mom": 0,
    }  # fmt: skip


def _impossible(select):
    asked = re.search(r"ncpus=(\d+)", select)
    if asked is None or int(asked.group(1)) <= CORES:
        return ""
    return f"Can Never Run: Insufficient amount of resource: ncpus (R: {asked.group(1)} A: {CORES} T: {CORES})"
