"""The schedulers on which the stories are told: what differs from one to the next, a table entry each.

Another one plugs in with an entry here and `tests/clusters/NAME_up.sh`.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pbs_site import DIRECTIVES, INSTALLED, install

from evalctl.frameworks.pins import listed_tasks
from evalctl.schedulers import SCHEDULERS, Unreadable
from evalctl.shell import Command, EnvironmentProblem, Reply, run

Words = tuple[str, ...]


@dataclass(frozen=True)
class Site:
    """One scheduler. `more` are words that the site's own submit program adds to a job, by a part of its name."""

    scheduler: str
    programs: tuple[str, str, str]  # submit, query, cancel
    empty: str  # the query's answer without jobs
    silence: str  # what the submit program says when its server does not answer
    more: Mapping[str, str]  # for `held`, `no-folder` and, where a limit is set at submission, `overruns`
    release: Words  # `{id}` is the job's number, here and below
    overrun: Words  # ends a running job's time now; () where `more` has set a short one
    requeue: tuple[Words, ...]  # what an administrator types
    no_folder: str  # the step of a job whose output folder is missing
    killed: str  # the step after an end that the script did not expect: a kill, or a signal that it can tell of
    impossible: str  # a directive that is refused at submission
    daemon: str  # its pid file, that of the server which answers queries
    group: str = "-g"  # the option before it
    directives: Words = ()  # what every job here must have
    folder: Path | None = None  # of the scheduler's programs, where they are not on PATH
    settled: tuple[Words, str] = ((), "")  # what shows that the server has been told of a job's start, and how
    stand_in: bool = False  # played, with a server of its own for each clone
    up: Path | None = None  # starts that server

    def path(self) -> str:
        """Where the scheduler's programs are looked for."""
        return f"{self.folder}:{os.environ['PATH']}" if self.folder else os.environ["PATH"]

    def run(self, command: Command) -> Reply:
        """A command of the scheduler's, typed by who looks after it."""
        return run(replace(command, env={"PATH": self.path()}))


SITES: dict[str, Site] = {
    "gridengine": Site(
        scheduler="gridengine",
        programs=("qsub", "qstat", "qdel"),
        empty="",
        silence="error: unable to send message to qmaster using port 6444 on host: got send error",
        more={"held": "-h", "no-folder": "-o /nowhere/at/all -e /nowhere/at/all", "overruns": "-l h_rt=0:0:25"},
        release=("qalter", "-h", "U", "{id}"),
        overrun=(),
        requeue=(("qmod", "-f", "-rj", "{id}"),),
        no_folder="stop stuck",
        killed="submit retry",  # SIGKILL: nobody can tell it from a lost node
        impossible="-l no_such_resource=1",
        daemon="sge_qmaster.pid",
    ),
    "slurm": Site(
        scheduler="slurm",
        programs=("sbatch", "squeue", "scancel"),
        empty="",
        silence="sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        more={"held": "--hold", "no-folder": "--output=/nowhere/at/all/%x"},
        release=("scontrol", "release", "{id}"),
        overrun=("scontrol", "update", "jobid={id}", "EndTime=now+1"),
        requeue=(
            ("scontrol", "update", "jobid={id}", "Requeue=1"),
            ("scontrol", "requeue", "{id}"),
        ),
        no_folder="stop attempts-exhausted",  # it fails at once, and the second try does, too
        killed="stop cancelled",  # TERM: the job says so itself
        impossible="--partition=nowhere",
        daemon="slurmctld.pid",
        group="-A",
    ),
    "pbs": Site(
        scheduler="pbs",
        programs=("qsub", "qstat", "qdel"),
        empty="",
        silence="qsub: cannot connect to server evalctl (errno=15010)",
        more={"held": "-h", "no-folder": "-o /nowhere/at/all"},
        release=("qrls", "-h", "u", "{id}"),
        overrun=("qalter", "-l", "walltime=0:00:01", "{id}"),
        requeue=(("qalter", "-r", "y", "{id}"), ("qrerun", "{id}")),
        no_folder="stop stuck",
        killed="stop cancelled",  # TERM: the job says so itself
        impossible="-l no_such_resource=1",
        daemon="pbs_server.pid",
        group="-P",
        directives=DIRECTIVES,
        folder=INSTALLED / "bin",
        settled=(("qstat", "-f", "-w", "{id}"), "substate = 42\n"),
    ),
}
SITES["pbs_stand_in"] = replace(SITES["pbs"], stand_in=True)


def opened(site: Site, place: Path, python: str) -> Site:
    """The same site; a stand-in is set up in `place`, and its server started."""
    if not site.stand_in:
        return site
    install(place, python)
    up = place / "bin/pbs_server"
    assert run(Command((str(up),))).status == 0
    return replace(site, folder=place / "bin", daemon=str(place / "server.pid"), up=up)


def answers(name: str) -> bool:
    """Whether this scheduler runs here, or is played."""
    site = SITES[name]
    if site.stand_in:
        return True
    scheduler = SCHEDULERS[site.scheduler]
    try:
        scheduler.sightings(site.run(scheduler.query(getpass.getuser())))
    except (Unreadable, EnvironmentProblem):
        return False
    return True


SUBMIT = """\
#!/bin/bash
# The site's own program around the scheduler's: keeps a list of its calls, takes `-g GROUP` out, adds what it thinks fit,
# and submits another script where there is one.
site=$(dirname "$(dirname "$0")")
echo "PROGRAM" >>"$site/calls"
words=() name=
while (($#)); do
  case $1 in
  -g) shift 2 && continue ;;
  -N) name=$2 ;;
  --job-name=*) name=${1#*=} ;;
  esac
  words+=("$1")
  shift
done
script=${words[-1]}
unset 'words[-1]'
[[ ! -e $site/instead ]] || script=$site/instead
for file in "$site"/more/*; do
  [[ $name != *"${file##*/}"* ]] || read -ra added <"$file"
done
if [[ -e $site/lose ]]; then
  REAL "${words[@]}" "${added[@]}" "$script" >/dev/null
  cat "$site/lose" >&2
  exit 1
fi
exec REAL "${words[@]}" "${added[@]}" "$script"
"""

QUERY = """\
#!/bin/bash
# As above; it shows no job at all while `hidden` is there. Which scheduler's program it is asks no scheduler, and is no query.
case "$*" in -help | --version) exec REAL "$@" ;; esac
site=$(dirname "$(dirname "$0")")
echo "PROGRAM" >>"$site/calls"
[[ ! -e $site/hidden ]] || exec cat "$site/hidden"
exec REAL "$@"
"""

RUNTIMES = "key,script,result_dir,framework,hrt_q\n"
CARD = {
    "architecture": "LlamaForCausalLM", "context_length": 8192, "layers": 2, "attention_heads": 2, "kv_heads": 2,
    "head_size": 64, "dtype": "bfloat16", "parameters": 1000000, "weight_bytes": 2000000, "think_tags": False,
    "chat_template_sha256": "0" * 64, "source": "folder", "read_at": "2026-11-24", "model": "team/tiny", "revision": "a" * 40,
}  # fmt: skip


def service(site: Site, grace_minutes: int) -> str:
    """The service's file: everything that evalctl knows of this site."""
    group = f'["{site.group}", "{{SITE_GROUP}}"]'
    here, nowhere = json.dumps(site.directives), json.dumps([*site.directives, site.impossible])
    return f"""\
scheduler: {site.scheduler}
submit_args: {group}
node_kinds:
  cpu: {{gpus: 0, runtime_column: hrt_q, server_environment: vllm-cpu, serves: true, directives: {here}}}
  nowhere: {{gpus: 0, runtime_column: hrt_q, server_environment: vllm-cpu, serves: true, directives: {nowhere}}}
small_model: cpu
grace_minutes: {grace_minutes}
drain_seconds: 20
walltime_step_minutes: 1
start_allowance_minutes: 0
scratch: ["/tmp"]
"""


def hours(task: str) -> str:
    """Ten minutes, which no story needs, but for the one that waits for the end of its time."""
    return "00:01:00" if "drains" in task else "00:10:00"


def scripts(stories: Words) -> dict[str, str]:
    """A task that lighteval has for each story, since check knows its list."""
    answered = [name for name, needs in listed_tasks("lighteval").items() if needs == "answers" and ":" not in name]
    return dict(zip(stories, answered, strict=False))


def manifests(site: Site, stories: Words) -> dict[str, str]:
    """A repository for stories: each row's key names what the stand-in framework does with its task."""
    named = scripts(stories)
    rows = "".join(f"en_{story},{script},en/{story},lighteval,{hours(story)}\n" for story, script in named.items())
    entries = [{"name": story, "function": "pick", "metrics": ["em"], "tasks": [named[story]]} for story in stories]
    return {
        "manifests/services/site.yaml": service(site, 0),  # what is not to be seen is lost at once
        "manifests/services/patient.yaml": service(site, 1),
        "manifests/tasks/tasks_runtime.csv": RUNTIMES + rows,
        "manifests/tasks/task_settings.csv": "key,generation_settings\n"
        + "".join(f'{script},"temperature=0.0"\n' for script in named.values()),
        "manifests/tasks/metrics.yaml": json.dumps({"entries": entries}),
        "manifests/tasks/suites.yaml": "all: [en_quick]\n",
        "manifests/models/team/tiny.lock.yaml": json.dumps(CARD),
        ".gitignore": "/.evalctl/\n/.env\n/results/**/logs/\n/results/**/details/\n",
    }
