"""`evalctl datasets`: what a person types on a login node before jobs run where no network is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_site import PROXIES, Site, make_site

ROW = b'{"question": "1+1?", "answer": "#### 2"}\n'
CARD = b"---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test.jsonl\n---\n"
REQUEST = "model: lab/small-8B\nservice: slurm\ntasks: [en_choice]\nnode_kind: gpu_8\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A login node with a Hub that has one data set."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # lighteval asks for nltk's files at each start
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = make_site(tmp_path)
    made.hub.datasets.publish("openai/gsm8k", {"README.md": CARD, "main/test.jsonl": ROW})
    yield made
    made.hub.close()


def test_a_data_set_is_fetched_into_the_cache_of_jobs(site: Site, tmp_path: Path) -> None:
    """`check` names what is missing and what to type, `fetch` does it whatever is set for jobs, then `check` says that it is there
    without asking the Hub."""
    site.ask(mine=REQUEST)
    checked = site.evalctl("datasets", "check", "--service", "slurm")
    assert (checked.returncode, site.hub.log) == (1, []), checked.stderr
    assert "  missing  openai/gsm8k, main (en_choice)\n" in checked.stdout
    assert "missing: evalctl datasets fetch en_choice" in checked.stdout
    fetched = site.evalctl("datasets", "fetch", "en_choice", "--service", "slurm", HF_HUB_OFFLINE="1")
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert f"cache: {tmp_path}/bulk\n" in fetched.stdout and "1 of 1 data set can be loaded" in fetched.stdout
    assert (tmp_path / "bulk/datasets/openai___gsm8k").is_dir()
    before = len(site.hub.log)
    again = site.evalctl("datasets", "check", "--request", "mine", "--service", "slurm", "--json")
    assert (again.returncode, len(site.hub.log)) == (0, before)
    (one,) = json.loads(again.stdout)
    assert (one["repo"], one["part"], one["tasks"], one["reason"]) == ("openai/gsm8k", "main", ["en_choice"], "")


def test_what_cannot_be_fetched_is_named_with_what_to_do(site: Site) -> None:
    """Reason and page; exit 1; and what to type once that is fixed."""
    site.hub.datasets.gated.add("openai/gsm8k")
    done = site.evalctl("datasets", "fetch", "en_choice", "en_own", "--service", "slurm")
    assert done.returncode == 1
    assert "failed   openai/gsm8k, main (en_choice): gated-model: accept its conditions at " in done.stdout
    assert "ready    part of evalctl (en_own)" in done.stdout
    assert "fix what is named, then: evalctl datasets fetch en_choice" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["en_chioce"], "did you mean `en_choice`?"),
        (["--request", "nope"], "nope"),
        ([], "no request here runs on slurm"),
    ],
)
def test_a_wrong_name_is_said_before_anything_starts(site: Site, words: list[str], said: str) -> None:
    """Exit 1, and the Hub is not asked."""
    done = site.evalctl("datasets", "fetch", *words, "--service", "slurm")
    assert (done.returncode, site.hub.log) == (1, []) and said in done.stderr


def test_an_environment_that_is_not_built_is_named(site: Site) -> None:
    """The job's own environment loads data sets: without it nobody knows which they are."""
    for stamp in site.root.glob(".evalctl/environments/lighteval-*/.complete"):
        stamp.unlink()
    done = site.evalctl("datasets", "check", "en_choice", "--service", "slurm")
    assert done.returncode == 1 and "evalctl env setup lighteval" in done.stderr
