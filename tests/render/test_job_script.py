"""The script's contract (docs/architecture.md, "Interfaces"), seen by running it: marks, exit status, calls, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from standin_place import LONGEST, Place, Ran, job_task, make_job, with_server

from evalctl.model.evaluation import ServerFile
from evalctl.model.weights import Checkpoint


def test_a_job_runs_its_tasks_on_one_server(place: Place) -> None:
    """One server, one call per task in a folder of its own, a mark for every step, status 0."""
    ran = place.run(make_job(job_task("ja_one"), job_task("en_two"), job_task("en_three")))
    assert ran.status == 0, place.job_log()
    assert {"started.json", "server_ready.json", "finished.json", "task/ja_one.json", "task/en_two.json",
            "task/en_three.json"} == ran.marks()  # fmt: skip
    assert len(ran.lines("vllm")) == 1
    assert ran.lines("vllm")[0]["argv"][:-1] == ["serve", "org/Model-1B", "--served-model-name", "org/Model-1B", "--max-model-len", "1024",
            "--uds"]  # fmt: skip
    finished = ran.mark("finished")
    assert (finished["exit"], finished["reason"], finished["detail"]) == (0, "", "")
    assert sorted(finished["tasks_done"]) == ["en_three", "en_two", "ja_one"]
    assert finished["tasks_failed"] == []
    started = ran.mark("started")
    assert (started["native_id"], started["name"], started["attempt"]) == ("4711", "ev-first-0123abcd-a1", 1)
    assert ran.mark("server_ready")["server_version"] == "0.0-standin"
    task = ran.mark("task/ja_one")
    assert (task["key"], task["state"], task["digest"], task["exit"]) == ("ja_one", "done", "digest-of-ja_one", 0)
    assert task["acceptance"]["verdict"] == "done"
    assert task["started_at"] <= task["ended_at"] <= finished["ended_at"]


@pytest.mark.parametrize("way", ["", "dies-when-first-asked"])
def test_a_text_of_a_manifest_is_a_file_of_the_job(place: Place, way: str) -> None:
    """vLLM opens the word after --chat-template as a path: it is a private file that the job has written, with the very
    text of the manifest, whatever path that text is; after the server's second start as well."""
    target = place.top / "secret"
    target.write_text("KEY=1")
    text = f"{target}\n{{{{ messages }}}} 'x' $(id) 日本語\n"
    job = with_server(make_job(job_task("ja_one")), way)
    files = (ServerFile("--chat-template", "chat_template.jinja", text),)
    ran = place.run(replace(job, server=replace(job.server, files=files)))
    assert ran.status == 0, place.job_log()
    for call in ran.lines("vllm"):
        assert call["template"] == text
        assert call["mode"] == "0o600"
        assert call["argv"][-4] == "--chat-template"
        assert call["argv"][-3] == str(place.run_dir / "server/files/chat_template.jinja")


def test_the_name_of_a_model_is_no_folder(place: Place) -> None:
    """vLLM takes a name that is a folder here for a checkpoint, and a list of VLLM_MODEL_REDIRECT_PATH for another name:
    the server works in an empty folder, wherever the job was started, and of vLLM's variables it has only listed ones."""
    (place.top / "org/Model-1B").mkdir(parents=True)  # the job starts in `top`
    place.env_file.write_text(
        "VLLM_MODEL_REDIRECT_PATH=/tmp/list\nVLLM_MOE_ROUTING_SIMULATION_STRATEGY=uniform_random\nVLLM_LOGGING_LEVEL=DEBUG\n"
    )
    ran = place.run(make_job(job_task("org")))
    assert ran.status == 0, place.job_log()
    (call,) = ran.lines("vllm")
    passed = {"VLLM_LOGGING_LEVEL", "VLLM_NO_USAGE_STATS", "VLLM_RPC_BASE_PATH"}
    assert (call["beside"], set(call["of_vllm"])) == ([], passed)
    left = "since they can change its answers: VLLM_MODEL_REDIRECT_PATH, VLLM_MOE_ROUTING_SIMULATION_STRATEGY"
    assert place.job_log().count(left) == 1
    assert call["cwd"] == str(place.run_dir / "server/empty")


WEIGHTS = Checkpoint("/gs/a run", "a" * 64)


def test_a_checkpoint_is_looked_at_before_after_and_at_the_end(place: Place) -> None:
    """Before the server reads the weights (every byte, where the card asks for it), before the first question, and when
    a task ends: with what the card says."""
    ran = place.run(make_job(job_task("ja_one"), checkpoint=replace(WEIGHTS, whole="b" * 64)))
    assert ran.status == 0, place.job_log()
    first, *others = [call["argv"] for call in ran.lines("checkpoint")]
    assert first == ["--path", "/gs/a run", "--whole", "--revision", "b" * 64]
    assert others == [["--path", "/gs/a run", "--revision", "a" * 64]] * 2


@pytest.mark.parametrize(("look", "servers"), [("1", 0), ("2", 1)])
def test_weights_that_are_not_the_cards_answer_no_question(place: Place, look: str, servers: int) -> None:
    """Other weights before the server starts, or once it has read them: the job ends, and the relay has passed on nothing."""
    (place.run_dir / "weights-change-at").write_text(look)
    ran = place.run(make_job(job_task("ja_one"), checkpoint=WEIGHTS))
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "weights-changed"), place.job_log()
    assert "not those of the model card" in ran.mark("finished")["detail"]
    assert ran.mark("finished")["tasks_done"] == []
    assert len(ran.lines("vllm")) if servers else not (place.run_dir / "vllm.json").exists()
    assert not (place.run_dir / "relay/upstream").exists()


def test_a_change_of_the_weights_during_the_run_discards_the_scores(place: Place, tmp_path: Path) -> None:
    """The task fails with that reason, and its answers are kept for no later attempt."""
    kept = tmp_path / "answers"
    kept.mkdir()
    (kept / "digest-of-ja_one.jsonl").write_text("{}")
    (place.run_dir / "weights-change-at").write_text("3")
    ran = place.run(make_job(job_task("ja_one"), checkpoint=WEIGHTS), answers=kept)
    assert ran.status == 3
    assert (ran.mark("task/ja_one")["state"], ran.mark("task/ja_one")["reason"]) == ("failed", "weights-changed")
    assert not (kept / "digest-of-ja_one.jsonl").exists()


def test_the_framework_gets_its_configuration_and_the_relay(place: Place) -> None:
    """Its own folder, the exact configuration, the relay's address for this task, no key; PATH leads to its programs."""
    task = job_task("ja_one")
    ran = place.run(make_job(task))
    call = ran.call("ja_one")
    assert call["argv"] == ["endpoint", "litellm", "config.yaml", "ja_one|0", "--output-dir", "output"]
    assert str(place.run_dir / "tasks" / "ja_one") == call["cwd"]
    assert str(place.environments / "lighteval-env/bin/lighteval") == call["program"]
    assert task.invocation.config == call["config"]
    environment = call["environment"]
    port = (place.run_dir / "relay/port").read_text().strip()
    assert f"http://127.0.0.1:{port}/task/ja_one/v1" == environment["HOSTED_VLLM_API_BASE"]
    assert tuple(
        environment[name] for name in ("HOSTED_VLLM_API_KEY", "LITELLM_LOCAL_MODEL_COST_MAP", "TASK_VARIABLE")
    ) == ("64 characters", "True", "a value")
    assert (place.run_dir / "relay/ja_one.options.json").read_text() == '{"add": {"top_k": 1}, "max_n": 2}\n'
    argv = json.loads((place.run_dir / "tasks/ja_one/acceptance.json").read_text())["argv"]
    assert argv[:8] == ["--framework", "lighteval", "--task-key", "ja_one", "--output", "output", "--log", "log"]
    assert json.loads((place.run_dir / "relay/ja_one.counts.json").read_text())["asked"] == 1


def test_a_failed_framework_fails_its_task_only(place: Place) -> None:
    """The other tasks go on; the job says which one failed, with status 3."""
    ran = place.run(make_job(job_task("bad", says="crashes"), job_task("good")))
    assert ran.status == 3
    assert (
        ran.mark("task/bad")["state"], ran.mark("task/bad")["acceptance"]["reason"],
        ran.mark("task/bad")["acceptance"]["detail"], ran.mark("task/bad")["exit"],
    ) == ("failed", "framework-failed", 'said "no"', 1)  # fmt: skip
    finished = ran.mark("finished")
    assert (finished["reason"], finished["tasks_done"], finished["tasks_failed"]) == ("tasks-failed", ["good"], ["bad"])


def test_several_tasks_run_at_once(place: Place) -> None:
    """PARALLEL_TASKS at once and no more: the next begins when one ends."""
    tasks = [job_task(f"t{number}", says=f"pairs-{number}") for number in range(4)]
    ran = place.run(make_job(*tasks, parallel_tasks=2))
    spans = [(ran.call(f"t{n}")["begin"], float((place.run_dir / f"tasks/t{n}/end").read_text())) for n in range(4)]
    at_once = [sum(begin <= moment < end for begin, end in spans) for moment, _ in spans]
    assert (ran.status, max(at_once)) == (0, 2)


def test_a_second_start_touches_nothing(place: Place) -> None:
    """A scheduler that starts the same attempt again gets status 75, and what the first one wrote stays."""
    job = make_job(job_task("ja_one"))
    assert place.run(job).status == 0
    before = {path: path.read_bytes() for path in place.run_dir.rglob("*") if path.is_file()}
    assert place.run(job).status == 75
    assert before == {path: path.read_bytes() for path in place.run_dir.rglob("*") if path.is_file()}


def test_only_the_tasks_asked_for_run(place: Place) -> None:
    """A later attempt runs what is still missing."""
    ran = place.run(make_job(job_task("ja_one"), job_task("en_two")), run_tasks=["en_two"])
    assert (ran.status, ran.mark("finished")["tasks_done"]) == (0, ["en_two"])
    assert not (place.run_dir / "tasks/ja_one").exists()


def test_frameworks_load_while_the_server_starts(place: Place) -> None:
    """Neither waits for the other: what a framework asks too early, the relay keeps until somebody can answer."""
    ran = place.run(with_server(make_job(job_task("one"), job_task("two")), "starts-slowly"))
    assert ran.status == 0, place.job_log()
    assert all(ran.call(key)["begin"] < ran.mark("server_ready")["ready_at"] for key in ("one", "two"))


def test_a_server_that_dies_once_is_started_again(place: Place) -> None:
    """The tasks that it served go on and end well; the mark says that there was a second start, and why."""
    process = place.start(make_job(job_task("one", says="takes-5s"), job_task("two", says="takes-5s-too")))
    place.wait_for("tasks", "one", "call.json")
    ready_at = place.wait_for_mark("server_ready", restarts=0)["ready_at"]
    os.kill(int((place.run_dir / "server.pid").read_text()), signal.SIGKILL)
    assert process.wait(timeout=LONGEST) == 0, place.job_log()
    ran = Ran(0, place.run_dir)
    assert len(ran.lines("vllm")) == 2
    assert ran.mark("server_restarted")["reason"] == "server-died"
    assert "exit status 137" in ran.mark("server_restarted")["detail"]
    assert (ran.mark("server_ready")["restarts"], ran.mark("server_ready")["ready_at"]) == (1, ready_at)
    assert {ran.mark(f"task/{key}")["state"] for key in ("one", "two")} == {"done"}


def test_answers_are_kept_outside_the_attempt(place: Place) -> None:
    """The relay writes each task's answers into a file that is named by the eval and outlives the run folder."""
    answers = place.top / "answers"
    assert place.run(make_job(job_task("ja_one")), answers=answers).status == 0
    link = place.run_dir / "relay/ja_one.answers.jsonl"
    assert (link.is_symlink(), link.readlink()) == (True, answers / "digest-of-ja_one.jsonl")


def test_a_server_that_dies_twice_ends_the_tasks(place: Place) -> None:
    """Noticed at once: running tasks fail with the reason, later ones never start, status 70."""
    tasks = (job_task("asker", says="asks-a-dead-server"), job_task("other", says="slow"), job_task("later"))
    ran = place.run(with_server(make_job(*tasks), "dies-when-asked"))
    assert ran.status == 70
    assert len(ran.lines("vllm")) == 2
    finished = ran.mark("finished")
    assert (finished["reason"], finished["detail"]) == ("out-of-memory", "torch.OutOfMemoryError: CUDA out of memory.")
    assert [(ran.mark(f"task/{key}")["state"], ran.mark(f"task/{key}")["reason"]) for key in ("asker", "other")] == [
        ("failed", "server-died")
    ] * 2
    assert "task/later.json" not in ran.marks()


def test_a_server_that_dies_without_a_word_is_told_by_its_exit_status(place: Place) -> None:
    """A kill by the kernel leaves nothing in the log."""
    process = place.start(make_job(job_task("one", says="slow")))
    for restarts in (0, 1):
        place.wait_for_mark("server_ready", restarts=restarts)
        os.kill(int((place.run_dir / "server.pid").read_text()), signal.SIGKILL)
    assert process.wait(timeout=LONGEST) == 70
    finished = (place.run_dir / "marks/finished.json").read_text()
    assert "server-died" in finished
    assert "exit status 137" in finished


def test_a_server_that_cannot_start_says_why(place: Place) -> None:
    """Its own death is noticed at once and its log tells the reason, status 71."""
    ran = place.run(with_server(make_job(job_task("one"), start=600), "no-think-tags"))
    assert (ran.status, ran.mark("finished")["reason"]) == (71, "parser-without-think-tags")
    assert "could not locate think start/end tokens" in ran.mark("finished")["detail"]
    assert {"started.json", "finished.json", "task/one.json"} == ran.marks()
    assert (ran.mark("task/one")["state"], ran.mark("task/one")["reason"]) == ("failed", "parser-without-think-tags")


def test_a_server_that_never_answers_is_given_up(place: Place) -> None:
    """Four times the start allowance, then status 71."""
    ran = place.run(with_server(make_job(job_task("one"), start=1), "never-ready"))
    assert (ran.status, ran.mark("finished")["reason"]) == (71, "server-start-timeout")


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_a_signal_cancels(place: Place, sign: signal.Signals) -> None:
    """Long before the limit a signal is somebody's wish: marks first, all processes gone, status 76."""
    process = place.start(make_job(job_task("one", says="slow"), job_task("two", says="escapes"), job_task("three")))
    place.wait_for("tasks", "one", "call.json")
    place.wait_for("tasks", "two", "call.json")
    ran = place.end(process, sign)
    assert (ran.status, ran.mark("finished")["reason"]) == (76, "cancelled")
    assert (ran.mark("task/one")["state"], ran.mark("task/one")["reason"]) == ("failed", "cancelled")


def test_a_signal_near_the_limit_is_a_timeout(place: Place) -> None:
    """The scheduler's warning comes shortly before its kill."""
    process = place.start(make_job(job_task("one", says="slow"), walltime=600, drain=570))
    place.wait_for("tasks", "one", "call.json")
    ran = place.end(process, signal.SIGTERM)
    assert (ran.status, ran.mark("finished")["reason"], ran.mark("task/one")["reason"]) == (76, "timeout", "timeout")


def test_a_framework_that_ignores_signals_is_killed(place: Place) -> None:
    """Nothing can keep a job from ending."""
    process = place.start(make_job(job_task("one", says="stubborn")))
    place.wait_for("tasks", "one", "call.json")
    ran = place.end(process, signal.SIGTERM)
    assert (
        ran.status,
        ran.mark("finished")["reason"],
        ran.mark("task/one")["reason"],
    ) == (76, "cancelled", "cancelled")


def test_the_job_knows_its_own_deadline(place: Place) -> None:
    """Grid Engine kills without a warning: the job stops by itself, and says that time ran out."""
    ran = place.run(make_job(job_task("one", says="slow"), job_task("two", seconds=1), walltime=25, drain=2))
    assert (ran.status, ran.mark("finished")["reason"], ran.mark("finished")["tasks_done"]) == (76, "timeout", ["two"])
    assert (ran.mark("task/one")["state"], ran.mark("task/one")["reason"]) == ("failed", "timeout")
    finished = ran.mark("finished")
    assert finished["ended_at"] - ran.mark("started")["started_at"] >= 22  # bash counts whole seconds


def test_no_task_is_started_that_cannot_end(place: Place) -> None:
    """What is left of the walltime has to be half of a task's time; the first one is always tried."""
    ran = place.run(
        make_job(job_task("first", seconds=9000), job_task("hopeless", seconds=9000), walltime=600, parallel_tasks=1)
    )
    assert (
        ran.status, ran.mark("finished")["reason"], ran.mark("finished")["detail"],
    ) == (76, "timeout", "no time left for: hopeless ")  # fmt: skip
    assert "task/hopeless.json" not in ran.marks()
    assert ran.mark("finished")["tasks_done"] == ["first"]


def test_a_shorter_task_is_started_where_the_next_one_cannot_end(place: Place) -> None:
    """Long tasks are first in a job: near its end those behind them may still fit."""
    ran = place.run(make_job(
        job_task("first", seconds=9000), job_task("hopeless", seconds=9000), job_task("short", seconds=10), walltime=600, parallel_tasks=1,
    ))  # fmt: skip
    assert ran.mark("finished")["tasks_done"] == ["first", "short"]
    assert ran.mark("finished")["detail"] == "no time left for: hopeless "


def test_a_missing_secret_is_named_before_anything_starts(place: Place) -> None:
    """Only its name, and no server was started for nothing."""
    ran = place.run(make_job(job_task("one"), secrets=("HF_TOKEN", "OPENAI_API_KEY")))
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "secret-missing")
    assert "HF_TOKEN" in ran.mark("finished")["detail"]
    assert not (place.run_dir / "vllm.json").exists()


@pytest.mark.parametrize("name", ["vllm-env", "lighteval-env"])
def test_a_missing_environment_is_named_before_anything_starts(place: Place, name: str) -> None:
    """An environment without its stamp was never finished."""
    (place.environments / name / ".complete").unlink()
    ran = place.run(make_job(job_task("one")))
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "environment-missing")
    assert name in ran.mark("finished")["detail"]
    assert not (place.run_dir / "vllm.json").exists()


SECRET = "sk-not-a-real-key-0123456789"


def test_keys_go_where_they_are_needed(place: Place) -> None:
    """A provider's key reaches the relay alone, a judge's key the task that names it, and no log or mark holds one."""
    place.env_file.write_text(
        f"DEEPINFRA_API_KEY={SECRET}\nOPENAI_API_KEY='{SECRET}-judge'\nHF_TOKEN={SECRET}-hf\nMODEL=x\n"
    )
    provider = replace(make_job().server, provider="deepinfra", argv=(), environment="", base_url="http://127.0.0.1:9/v1",
                       key_variable="DEEPINFRA_API_KEY")  # fmt: skip
    judged = job_task("judged", secrets=("OPENAI_API_KEY",))
    job = make_job(judged, job_task("plain"), server=provider, secrets=("DEEPINFRA_API_KEY", "OPENAI_API_KEY"))
    # the stand-in takes the first address that it finds, and a site may well have set another one
    ran = place.run(replace(job, site=replace(job.site, variables=(("HOSTED_VLLM_API_BASE", "http://127.0.0.1:9"),))))
    assert ran.lines("relay")[0]["secrets"] == {"DEEPINFRA_API_KEY": SECRET}
    assert ran.lines("relay")[0]["argv"][-3:-1] == ["--key-variable", "DEEPINFRA_API_KEY"]
    assert f"{SECRET}-judge" == ran.call("judged")["environment"]["OPENAI_API_KEY"]
    assert "OPENAI_API_KEY" not in ran.call("plain")["environment"]
    assert not (place.run_dir / "vllm.json").exists()
    recorded = ("call.json", "relay.json")
    for path in place.run_dir.rglob("*"):
        assert path.is_dir() or path.name in recorded or SECRET not in path.read_text(errors="replace"), path


KEYS = (
    "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "GH_" + "TOKEN", "GITHUB_PAT", "MY_apikey", "OPENAI_API_KEY", "DB_PASSWORD",
    "SERVICE_CREDENTIALS", "SSH_AUTH_SOCK", "KRB5CCNAME", "SLURM_JWT", "WANDB_API_KEY", "SIGNING_KEY_ID", "PGPASSFILE",
    "SESSION_COOKIE", "GOOGLE_APPLICATION_CREDENTIALS", "VAULT_ADDR", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
NO_KEYS = (
    "TOKENIZERS_PARALLELISM",
    "VLLM_LOG_STATS_INTERVAL",
    "MY_MAX_TOKENS",
    "OMP_NUM_THREADS",
    "NCCL_SOCKET_IFNAME",
)
SHOW = "import os, json, sys; json.dump(dict(os.environ), open('environment.json', 'w')); sys.exit(3)"


@pytest.mark.parametrize("trusted", [False, True])
def test_server_and_framework_see_no_key_but_the_hubs(place: Place, trusted: bool) -> None:
    """Whatever the person has exported: names that look like a key or a login are away, what counts tokens is not.

    Where the model brings code of its own, its server does not get the Hub's token either.
    """
    lines = [f"{name}={SECRET}" for name in (*KEYS, *NO_KEYS, "HF_TOKEN")]
    place.env_file.write_text("\n".join(lines) + "\n")
    vllm = place.environments / "vllm-env/bin/vllm"
    vllm.write_text(f"#!{place.python} -IS\n{SHOW}\n")
    job = make_job(job_task("one"))
    more = ("--trust-remote-code",) if trusted else ()
    place.run(replace(job, server=replace(job.server, argv=(*job.server.argv, *more))))
    (shown,) = place.run_dir.rglob("environment.json")
    seen = json.loads(shown.read_text())
    assert {name for name in KEYS if name in seen} == set()
    assert {name for name in NO_KEYS if name not in seen} == set()
    assert ("HF_TOKEN" in seen) != trusted


@pytest.mark.parametrize("program", ["vllm-env/bin/vllm", "lighteval-env/bin/lighteval"])
def test_programs_load_the_packages_of_their_environments(place: Place, program: str) -> None:
    """Whatever `.env` and the site's modules set: a Python with other packages would measure with other versions than are recorded."""
    said = {
        "PYTHONPATH": "/x",
        "PYTHONHOME": "/x",
        "PYTHONOPTIMIZE": "2",
        "PYTHONWARNINGS": "error",
        "PYTHONUNBUFFERED": "1",
    }
    place.env_file.write_text("".join(f"{name}={value}\n" for name, value in said.items()))
    (place.environments / program).write_text(f"#!{place.python} -IS\n{SHOW}\n")
    place.run(make_job(job_task("one")))
    (shown,) = place.run_dir.rglob("environment.json")
    seen = {name for name in json.loads(shown.read_text()) if name.startswith("PYTHON")}
    assert seen == {"PYTHONUNBUFFERED", "PYTHONUTF8"}


def test_a_framework_sees_no_key_but_the_hubs(place: Place) -> None:
    """As the server; a data set may need the Hub's token."""
    place.env_file.write_text("\n".join(f"{name}={SECRET}" for name in (*KEYS, *NO_KEYS, "HF_TOKEN")) + "\n")
    (place.environments / "lighteval-env/bin/lighteval").write_text(f"#!{place.python} -IS\n{SHOW}\n")
    ran = place.run(make_job(job_task("one")))
    seen = json.loads((ran.folder / "tasks/one/environment.json").read_text())
    assert {name for name in KEYS if name in seen} == set()
    assert {name for name in (*NO_KEYS, "HF_TOKEN") if name not in seen} == set()


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=["000", "022", "077"])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of whoever starts the job."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_what_a_job_writes_is_its_owners_alone(place: Place, umask: int) -> None:
    """Whatever the umask: marks, logs, counts, options, caches and all that a framework makes are 0600 in folders of 0700."""
    before = set(place.run_dir.rglob("*"))
    given = {"attempt.json", "environments"}
    assert place.run(make_job(job_task("one")), caches=place.top / "caches").status == 0, place.job_log()
    own = {path for path in place.run_dir.rglob("*") if path not in before and path.name not in given}
    assert place.run_dir / "tasks/one/call.json" in own
    assert {path for path in own if path.stat().st_mode & 0o077} == set()


def test_a_shared_cache_is_for_its_group_and_never_for_others_to_write(place: Place, umask: int) -> None:
    """Where .env names a cache of its own, the umask of whoever starts the job says what a group may do there."""
    place.env_file.write_text(f"HF_HOME={place.top}/shared\n")
    assert place.run(make_job(job_task("one")), caches=place.top / "caches").status == 0, place.job_log()
    mode = (place.run_dir / "tasks/one/call.json").stat().st_mode & 0o777
    assert mode == 0o666 & ~(umask | 0o002)


@pytest.mark.parametrize("how", ["link", "writable", "folder link"])
@pytest.mark.parametrize("name", ["attempt.json", "environments"])
def test_a_file_that_sync_did_not_write_is_not_believed(place: Place, how: str, name: str) -> None:
    """A link, or a file that others can write, could name anybody's program."""
    job = make_job(job_task("one"))
    place.write(job)
    attempt, other = place.run_dir / name, place.top / "other"
    other.write_text(attempt.read_text())
    place.write = lambda *_, **__: place.top / "job.sh"  # type: ignore[method-assign]
    if how == "link":
        attempt.unlink()
        attempt.symlink_to(other)
    elif how == "writable":
        attempt.write_text(other.read_text())
        attempt.chmod(0o666)
    else:
        real = place.run_dir.rename(place.top / "real")
        place.run_dir.symlink_to(real)
    ran = place.run(job)
    assert (ran.status, ran.mark("finished")["reason"]) == (72, "environment-missing")
    assert not (place.run_dir / "relay.json").exists()


def test_no_variable_of_the_person_leads_a_framework_elsewhere(place: Place) -> None:
    """Neither the model's questions nor a judge's: each address that litellm or openai would read is the relay's or absent."""
    names = ("HOSTED_VLLM_API_BASE", "HOSTED_VLLM_BASE_URL", "OPENAI_API_BASE", "OPENAI_BASE_URL", "DEEPINFRA_API_BASE",
             "LITELLM_PROXY_API_BASE", "AZURE_API_BASE", "WANDB_API_URL")  # fmt: skip
    lines = [f"{name}=http://127.0.0.1:9/v1" for name in names]
    place.env_file.write_text(
        "\n".join([*lines, "USE_LITELLM_PROXY=True", "OPENAI_API_TYPE=azure", "HF_ENDPOINT=https://mirror"])
    )
    ran = place.run(make_job(job_task("one")))
    assert ran.status == 0, place.job_log()
    environment = ran.call("one")["environment"]
    assert [name for name in names if name in environment] == ["HOSTED_VLLM_API_BASE", "HOSTED_VLLM_BASE_URL"]
    assert all(":9/" not in environment[name] for name in names[:2])
    assert "USE_LITELLM_PROXY" not in environment and "OPENAI_API_TYPE" not in environment
    assert environment["HF_ENDPOINT"] == "https://mirror"


def test_the_env_file_cannot_change_the_job(place: Place) -> None:
    """Names of the script's own data stay as the script has them, whatever .env assigns; caches get their usual names."""
    place.env_file.write_text(
        "TASKS=nothing\nSERVED_NAME=other\nWALLTIME_SECONDS=1\nmain() { exit 9; }\nHUGGINGFACE_CACHE=${HOME}/hf\n"
        "VLLM_CACHE=/v\nexit 4\n"
    )
    ran = place.run(make_job(job_task("one")))
    assert ran.status == 0, place.job_log()
    assert ran.call("one")["environment"]["HF_HOME"].endswith("/hf")


def test_a_server_that_leaves_children_leaves_nothing(place: Place) -> None:
    """A child in a session of its own, without the job's environment, ends with the job (the fixture looks)."""
    assert place.run(with_server(make_job(job_task("one", says="takes-1s")), "leaves-a-child")).status == 0


def test_a_killed_job_takes_its_processes_along(place: Place) -> None:
    """SIGKILL cannot be answered, but what the job started notices (the fixture looks)."""
    process = place.start(make_job(job_task("one", says="slow")))
    place.wait_for("tasks", "one", "call.json")
    process.kill()
    process.wait()
    place.wait_until_empty()
    assert "job-killed" in (place.run_dir / "marks/task/one.json").read_text()


def test_a_full_disk_is_named(small_disk: Place) -> None:
    """The last marks have room of their own, so that the job can say why it failed."""
    ran = small_disk.run(make_job(job_task("one", says="fills-the-disk")))
    assert (ran.status, ran.mark("finished")["reason"]) == (3, "disk-full"), small_disk.job_log()


def test_a_job_ended_while_its_relay_starts_was_cancelled(place: Place) -> None:
    """A scheduler signals every process: that the relay is gone, too, is no failure of the relay."""
    (place.run_dir / "end-all").touch()
    ran = place.run(make_job(job_task("one")))
    assert (ran.status, ran.mark("finished")["reason"]) == (76, "cancelled"), place.job_log()


def test_a_refusal_of_everything_ends_the_job(place: Place) -> None:
    """What the relay says of it is the reason of the job and of what runs; later tasks never start."""
    process = place.start(make_job(job_task("one", says="slow"), job_task("two", says="slow"), job_task("three")))
    place.wait_for("tasks", "one", "call.json")
    (place.run_dir / "relay" / "refused").write_text("quota-exhausted\nHTTP 402: Insufficient credits\n")
    assert process.wait(timeout=60) == 3, place.job_log()
    ran = Ran(3, place.run_dir)
    assert (ran.mark("finished")["reason"], ran.mark("finished")["detail"]) == (
        "quota-exhausted",
        "HTTP 402: Insufficient credits",
    )
    assert (ran.mark("task/one")["reason"], "task/three.json" in ran.marks()) == ("quota-exhausted", False)


def test_a_relay_that_dies_ends_the_job(place: Place) -> None:
    """Without it no answer can be believed."""
    process = place.start(make_job(job_task("one", says="slow")))
    place.wait_for("tasks", "one", "call.json")
    (place.run_dir / "kill-relay").touch()
    assert process.wait(timeout=LONGEST) == 70
    assert "relay-died" in (place.run_dir / "marks/finished.json").read_text()
