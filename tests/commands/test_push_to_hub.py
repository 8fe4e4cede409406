"""`push_to_hub` from a committed result to the dataset, by the real huggingface_hub on a Hub on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_site import MODEL, PROXIES, Site, make_site

REQUEST = f"model: {MODEL}\nservice: slurm\ntasks: [ja_exact]\nnode_kind: gpu_8\npush_to_hub: {{org: team}}\n"
REPO = "team/details_lab__small-8B_private"
STAMP, LATER = "2026-11-24T01-02-03.000004", "2026-11-25T00-00-00.000001"
WRITE = "import sys, json, pyarrow as a, pyarrow.parquet as p; p.write_table(a.Table.from_pylist(json.load(sys.stdin)), sys.argv[1])"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A login node with a Hub and a token for it."""
    for name in ("HF_HUB_OFFLINE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    made = make_site(tmp_path)
    (made.root / ".gitignore").write_text("/.evalctl/\n/.env\n/results/**/details/\n")
    with (made.root / ".env").open("a") as file:
        file.write("HF_TOKEN=member\nOPENAI_API_KEY=a-very-secret-key\n")
    yield made
    made.hub.close()


def measured(site: Site, text: str = REQUEST, answer: str = "日本") -> Path:
    """A request whose only eval has its result in the commit and its details beside it; returns the result's folder."""
    site.ask(one=text)
    plan = json.loads((site.root / "generated/one/plan.json").read_text())
    (task,) = plan["jobs"][0]["tasks"]
    environment = next(site.root.glob(".evalctl/environments/lighteval-[0-9a-f]*")).name
    place = task["result"].removesuffix("/result.json")
    document: dict[str, Any] = {
        "schema": "evalctl/result/1", "digest": task["digest"], "max_samples": None, "scores": {"exact|0": {"em": 0.5}},
        "weights": {}, "measured_at": 1.0, "environments": {"framework": environment},
        "task": {"key": "ja_exact", "script": "exact", "result_dir": "/".join(place.split("/")[-2:])},
        "subject": {
            "provider": "vllm", "model": MODEL, "revision": "0" * 40, "path": None,
            "custom_settings": {"path": "", "name": "", "version": ""},
        },
    }  # fmt: skip
    folder = site.root / place
    (folder / "details").mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(document))
    details(site, folder, STAMP, answer)
    for words in (("add", "-A"), ("commit", "-qm", "result")):
        subprocess.run(["git", *words], cwd=site.root, check=True)
    return folder


def details(site: Site, folder: Path, stamp: str, answer: str) -> None:
    """What the framework wrote about each question."""
    python = next(site.root.glob(".evalctl/environments/lighteval-[0-9a-f]*/bin/python"))
    rows = json.dumps([{"doc": {"query": "首都は?"}, "model_response": {"text": [answer]}}])
    path = folder / f"details/details_exact|0_{stamp}.parquet"
    subprocess.run([python, "-c", WRITE, path], input=rows, text=True, check=True)


def sync(site: Site, **more: str) -> tuple[int, str]:
    """Exit code and all that was said."""
    done = site.evalctl("sync", "--service", "slurm", **more)
    return done.returncode, done.stdout + done.stderr


def test_a_committed_result_is_uploaded_with_its_details_once(site: Site) -> None:
    """Private, in lighteval's places, on a login node that is not set to UTF-8, too; the next sync sends nothing."""
    measured(site)
    assert (
        (found := sync(site, PYTHONIOENCODING="ascii"))[0],
        f"uploaded: {site.hub.endpoint}/datasets/{REPO}/commit/" in found[1],
    ) == (
        0,
        True,
    ), found
    paths = [f"{STAMP}/details_exact|0_{STAMP}.parquet", "README.md", f"results_{STAMP}.json"]
    assert site.hub.datasets.commits == [(REPO, paths)]
    assert site.hub.datasets.private == {REPO: True}
    results = json.loads(site.hub.datasets.files[REPO][f"results_{STAMP}.json"])
    assert (results["results"], results["evalctl"]["digest"][:1] != "") == ({"exact|0": {"em": 0.5}}, True)
    assert sync(site)[0] == 0
    assert len(site.hub.datasets.commits) == 1


def test_a_public_dataset_must_be_asked_for(site: Site) -> None:
    """`private: false`."""
    measured(site, REQUEST.replace("{org: team}", "{org: team, private: false}"))
    assert sync(site)[0] == 0
    assert site.hub.datasets.private == {"team/details_lab__small-8B": False}


def test_a_key_in_the_details_stays_here(site: Site) -> None:
    """The file is named and the key is not; nothing is sent, and a person is asked."""
    measured(site, answer="the key is a-very-secret-key, they say")
    code, said = sync(site)
    assert (code, site.hub.datasets.commits) == (1, [])
    assert "secret-in-details" in said and "the value of OPENAI_API_KEY" in said and "a-very-secret-key" not in said


def test_what_looks_like_a_key_stays_here_too(site: Site) -> None:
    """At the beginning of a line of an answer."""
    token = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vW7"
    measured(site, answer=f"here it is:\n{token}")
    code, said = sync(site)
    assert (code, site.hub.datasets.commits, token in said) == (1, [], False)


def test_a_failed_upload_blocks_nothing_and_is_tried_again(site: Site) -> None:
    """The Hub is named; exit 4; another sync sends what is missing."""
    measured(site)
    site.ask(
        two=REQUEST.replace("push_to_hub: {org: team}\n", "overrides: {ja_exact: {seed: 1}}\ncustom_settings: greedy\n")
    )
    code, said = sync(site, HF_ENDPOINT="http://127.0.0.1:9")
    assert (code, len(site.submitted())) == (4, 1), said
    assert f"not uploaded to {REPO}: hub-unreachable: http://127.0.0.1:9" in said
    assert (sync(site)[0], len(site.hub.datasets.commits)) == (0, 1)


def test_a_token_without_rights_needs_a_person(site: Site) -> None:
    """Exit 1, and the token is not shown."""
    measured(site)
    site.hub.datasets.writers = {"another"}
    code, said = sync(site)
    assert (code, f"not uploaded to {REPO}: authentication" in said) == (1, True), said


def test_while_it_watches_it_asks_a_person_once(site: Site) -> None:
    """A pass every few seconds sends nothing that was refused; a hundred passes would look through every answer."""
    measured(site)
    site.hub.datasets.writers = {"another"}
    site.ask(
        two=REQUEST.replace("push_to_hub: {org: team}\n", "overrides: {ja_exact: {seed: 1}}\ncustom_settings: greedy\n")
    )
    process = site.start("sync", "--service", "slurm", "--watch", "--interval", "0.1", "--json")
    assert process.stdout is not None
    passes = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1].count("uploading 1 eval(s)") == 1
    refused = [[line for line in one["warnings"] if line.startswith("not uploaded")] for one in passes]
    assert [len(lines) for lines in refused] == [1, 1, 1]


def test_a_request_with_errors_is_in_the_exit_code_of_the_json_too(site: Site) -> None:
    """What a program reads is what the shell sees."""
    site.ask(one=REQUEST)
    (site.root / "manifests/requests/two.yaml").write_text(REQUEST.replace("ja_exact", "ja_exakt"))
    done = site.evalctl("sync", "--service", "slurm", "--dry-run", "--json")
    assert (done.returncode, json.loads(done.stdout)["exit"]) == (1, 1)


def test_the_newest_details_are_those_of_the_result(site: Site) -> None:
    """What an earlier attempt left is not sent."""
    details(site, measured(site), LATER, "日本")
    assert sync(site)[0] == 0
    assert site.hub.datasets.commits[0][1] == [
        f"{LATER}/details_exact|0_{LATER}.parquet",
        "README.md",
        f"results_{LATER}.json",
    ]


def test_a_result_that_is_measured_anew_is_uploaded_anew(site: Site) -> None:
    """The note that stands beside the details is about another digest."""
    folder = measured(site)
    sync(site)
    note = json.loads((folder / "details/hub.json").read_text())
    (folder / "details/hub.json").write_text(json.dumps({REPO: {**note[REPO], "digest": "0"}}))
    details(site, folder, LATER, "東京")
    sync(site)
    assert len(site.hub.datasets.commits) == 2


def test_two_requests_for_two_organisations_are_served_once_each(site: Site) -> None:
    """The same eval in two datasets; the note beside the details knows both."""
    measured(site)
    site.ask(two=REQUEST.replace("org: team", "org: guild"))
    assert [sync(site)[0], sync(site)[0]] == [0, 0]
    assert sorted(repo for repo, _ in site.hub.datasets.commits) == [REPO.replace("team", "guild"), REPO]


def test_a_result_that_came_by_git_is_not_sent_with_what_an_older_one_left(site: Site) -> None:
    """Somebody else measured it with other settings: whoever did has its details. Its logs show whose it is."""
    folder = measured(site)
    document = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**document, "ran": {"name": "ev-0a-one-01234567-a2"}}))
    subprocess.run(["git", "commit", "-qam", "measured elsewhere"], cwd=site.root, check=True)
    assert (sync(site)[0], site.hub.datasets.commits) == (0, [])
    (folder / "logs").mkdir()
    (folder / "logs/ev-0a-one-01234567-a2.job.log").touch()
    assert (sync(site)[0], len(site.hub.datasets.commits)) == (0, 1)


def test_a_reused_result_is_sent_with_the_details_of_the_run_that_measured_it(site: Site) -> None:
    """Other custom settings that change nothing: the same digest under another path, where no details lie."""
    folder = measured(site, REQUEST.replace("push_to_hub: {org: team}\n", ""))
    assert (sync(site)[0], site.hub.datasets.commits) == (0, [])
    document = json.loads((folder / "result.json").read_text())
    settings = site.root / f"manifests/models/{MODEL}.yaml"
    with settings.open("a") as file:
        file.write('\nempty: {version: "1"}\n')
    site.ask(two=f"{REQUEST}custom_settings: empty\n")
    plan = json.loads((site.root / "generated/two/plan.json").read_text())
    (task,) = plan["jobs"][0]["tasks"]
    assert task["digest"] == document["digest"]
    code, said = sync(site)
    assert code == 0, said
    paths = [f"{STAMP}/details_exact|0_{STAMP}.parquet", "README.md", f"results_{STAMP}.json"]
    assert site.hub.datasets.commits == [(REPO, paths)]
    sent = json.loads(site.hub.datasets.files[REPO][f"results_{STAMP}.json"])["evalctl"]
    assert sent["reused_from"] == (folder / "result.json").relative_to(site.root).as_posix()
    assert (sync(site)[0], len(site.hub.datasets.commits)) == (0, 1)


@pytest.mark.parametrize("why", ["debug", "dry-run", "no details", "not asked"])
def test_nothing_is_uploaded(site: Site, why: str) -> None:
    """Of debugging runs, in a dry run, without details on this machine, or unless the request says so."""
    text = {"debug": f"{REQUEST}max_samples: 3\n", "not asked": REQUEST.replace("push_to_hub: {org: team}\n", "")}
    folder = measured(site, text.get(why, REQUEST))
    if why == "no details":
        next(folder.glob("details/*.parquet")).unlink()
    site.evalctl("sync", "--service", "slurm", *(["--dry-run"] if why == "dry-run" else []))
    assert (site.hub.datasets.commits, site.hub.log) == ([], [])


def test_env_check_asks_for_the_hubs_token(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything has run, and only where a request uploads."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    env = site.root / ".env"
    env.write_text(env.read_text().replace("HF_TOKEN=member\n", ""))
    site.ask(one=REQUEST)
    told = "HF_TOKEN is not set: manifests/requests/one.yaml needs it"
    said = site.evalctl("env", "check", EVALCTL_SERVICE="slurm")
    assert told in said.stdout + said.stderr
    site.ask(one=REQUEST.replace("push_to_hub: {org: team}\n", ""))
    said = site.evalctl("env", "check", EVALCTL_SERVICE="slurm")
    assert told not in said.stdout + said.stderr
