"""`evalctl check --base COMMIT`: what a pull request changes is named, and what evalctl would not have written is an error."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import repository

from evalctl import cli
from evalctl.model.aggregate import GENERATED_BY
from evalctl.results.record import to_text
from evalctl_job.question_set import QuestionSet

FOLDER = "results/hosted_vllm/team/tiny"
RECORD = {
    "schema": "evalctl/result/1", "digest": "d" * 64, "weights": {}, "scores": {"exact|0": {"em": 0.5}},
    "task": {"key": "ja_exact", "script": "exact", "result_dir": "ja/exact"}, "subject": {"model": "team/tiny"},
}  # fmt: skip
METRICS = "entries:\n  - {name: exact, function: pick, metrics: [em], tasks: [exact]}\n"
REQUEST = "manifests/requests/a.yaml"
TEXT = "model: lab/small-8B\ncustom_settings: default\nservice: tsubame\ntasks: [ja_exact, en_code]\n"
TSUBAME, PROVIDER = "manifests/services/tsubame.yaml", "manifests/providers/lab-llm.yaml"
GATE = "manifests/gates/release.yaml"
Found = list[dict[str, Any]]


def git(root: Path, *words: str) -> None:
    """Runs git as somebody."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A compiled request, a provider, and one result with what follows from it; committed."""
    files = {
        REQUEST: TEXT, PROVIDER: "base_url: https://llm.lab.example/v1\n", "manifests/tasks/metrics.yaml": METRICS,
        f"{FOLDER}/ja/exact/result.json": to_text(RECORD), ".gitignore": "/.evalctl/\n",
    }  # fmt: skip
    repository(tmp_path, files)
    for words in (["compile"], ["results", "rebuild"]):
        assert cli.main(["--repo", str(tmp_path), *words]) == 0
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    return tmp_path


@pytest.fixture
def found(root: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Found]:
    """The findings that name changes since HEAD, or another base."""

    def said(base: str = "HEAD") -> Found:
        capsys.readouterr()
        cli.main(["--repo", str(root), "check", "--json", "--base", base])
        every = json.loads(capsys.readouterr().out)
        return [one for one in every if one["code"] in ("change-to-review", "changed-by-hand", "result-touched")]

    return said


def replaced(root: Path, path: str, old: str, new: str) -> None:
    """One text in place of another."""
    text = (root / path).read_text(encoding="utf-8")
    assert old in text
    (root / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def written(root: Path, path: str, text: str) -> None:
    """A new file."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


def test_without_a_change_nothing_is_named(found: Callable[[], Found]) -> None:
    """Whatever else `check` warns of."""
    assert found() == []


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (TSUBAME, "max_running: 3\n", "service tsubame: max_running: (absent) → 3"),
        (TSUBAME, "modules_init: /any/file\n", "service tsubame: modules_init: (absent) → /any/file"),
        (TSUBAME, "variables: {LANG: C}\n", "service tsubame: variables.LANG: (absent) → C"),
        ("manifests/services/new.yaml", "scheduler: slurm\nnode_kinds: {}\n", "service new is added"),
        ("manifests/policy.yaml", "remote_code: allow\n", "policy: remote_code: (absent) → allow"),
        (REQUEST, "push_to_hub: {org: lab, private: false}\n", "push_to_hub.private: (absent) → false (PUBLIC"),
        (".github/workflows/new.yml", "on: push\n", "workflow added"),
        (".github/CODEOWNERS", "* @somebody\n", "code owners: added `* @somebody`"),
        (
            ".gitattributes",
            "/results/** -diff\n",
            "added `/results/** -diff` (hides or rewrites files in review: diff)",
        ),
        ("results/.gitattributes", "* binary\n", ".gitattributes: added `* binary` (hides"),
        ("sitecustomize.py", "pass\n", "files change that other programs may run or read: 1 file (sitecustomize.py)"),
        (".devcontainer/devcontainer.json", "{}\n", "files change that other programs may run or read"),
        ("AGENTS.md", "do\n", "files change that other programs may run or read: 1 file (AGENTS.md)"),
        ("notes.md", "do\n", "files change that other programs may run or read: 1 file (notes.md)"),
        (
            "docs/more/CLAUDE.md",
            "do\n",
            "files change that other programs may run or read: 1 file (docs/more/CLAUDE.md)",
        ),
        ("docs/conf.py", "pass\n", "files change that other programs may run or read"),
        ("tests/conftest.py", "pass\n", "the program itself changes: 1 file"),
        ("compiler/evalctl/x.py", "pass\n", "the program itself changes: 1 file"),
        ("manifests/models/chat_templates/t.jinja", "{{ 1 }}\n", "chat template t is added: used by no settings"),
        ("manifests/models/reasoning_parsers/p.py", "pass\n", "parser plug-in p is added: used by no settings"),
    ],
)
def test_what_changes_is_named(root: Path, found: Callable[[], Found], path: str, text: str, message: str) -> None:
    """In words, as a warning on the file: whatever a list of requests does not show."""
    before = (root / path).read_text() if (root / path).exists() else ""
    written(root, path, before + text)
    (one,) = [one for one in found() if message in one["message"]]
    assert (one["file"], one["severity"]) == (path, "warning")


def test_what_others_added_since_is_no_change_of_this_branch(root: Path, found: Callable[..., Found]) -> None:
    """A branch that is behind its base takes nothing back: its own changes are named, and those alone."""
    git(root, "switch", "-q", "-c", "mine")
    git(root, "switch", "-q", "main")
    written(root, TSUBAME, (root / TSUBAME).read_text(encoding="utf-8") + "max_running: 3\n")
    written(root, f"{FOLDER}/ja/other/result.json", "{}\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "theirs")
    git(root, "switch", "-q", "mine")
    assert found("main") == []
    written(root, TSUBAME, (root / TSUBAME).read_text(encoding="utf-8") + "max_running: 4\n")
    git(root, "commit", "-q", "-a", "-m", "mine")
    assert [one["message"] for one in found("main")] == ["service tsubame: max_running: (absent) → 4"]


def test_a_base_of_another_history_is_compared_as_it_is(root: Path, found: Callable[..., Found]) -> None:
    """There is no commit where the branch left it."""
    git(root, "switch", "-q", "--orphan", "alone")
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing")
    git(root, "switch", "-q", "main")
    assert {one["code"] for one in found("alone")} == {"change-to-review", "result-touched"}


def test_texts_for_people_are_not_named(root: Path, found: Callable[[], Found]) -> None:
    """Nothing runs them, and a reviewer sees them anyway."""
    written(root, "docs/manual/page.md", "A page.\n")
    written(root, "CONTRIBUTING.md", "Notes.\n")
    written(root, "README.ja.md", "日本語。\n")
    assert found() == []


@pytest.mark.parametrize("text", ["* @team\n/manifests @lab\n* @team\n", "/manifests @lab\n* @team\n"])
def test_a_line_that_is_repeated_or_moved_is_named(root: Path, found: Callable[[], Found], text: str) -> None:
    """The last line that fits decides who owns a file, so a line that was there before can undo the others."""
    written(root, ".github/CODEOWNERS", "* @team\n/manifests @lab\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "owners")
    written(root, ".github/CODEOWNERS", text)
    assert "code owners: added `* @team`" in [one["message"] for one in found()]


def test_a_link_that_leads_elsewhere_is_named(root: Path, found: Callable[[], Found]) -> None:
    """Its mode is as before."""
    (root / "notes").symlink_to("README.md")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "link")
    (root / "notes").unlink()
    (root / "notes").symlink_to("/etc/passwd")
    assert [one["message"] for one in found()] == ["changed: now a symbolic link to /etc/passwd"]


def test_a_submodule_with_another_commit_is_named(root: Path, found: Callable[[], Found]) -> None:
    """Whatever is in it."""
    for commit in ("1" * 40, "2" * 40):
        git(root, "update-index", "--add", "--cacheinfo", f"160000,{commit},part")
        if commit[0] == "1":
            git(root, "commit", "-q", "-m", "submodule")
    (root / "part").mkdir()
    assert [one["message"] for one in found()] == ["changed: now a submodule"]


def test_a_long_value_is_shown_where_it_differs(root: Path, found: Callable[[], Found]) -> None:
    """The first characters of both are the same."""
    settings = "manifests/models/lab/small-8B.yaml"
    text = (root / settings).read_text() + f"long: {{version: 1, system_message: {'x' * 300} END}}\n"
    written(root, settings, text)
    git(root, "commit", "-q", "-a", "-m", "long")
    written(root, settings, text.replace(" END", " OTHER"))
    (one,) = found()
    assert one["message"].endswith("x END → …" + "x" * 39 + " OTHER")


def test_a_path_far_down_a_list_of_models_is_named(root: Path, found: Callable[[], Found]) -> None:
    """However long the list is."""
    names = ", ".join(f"publisher/a-model-with-a-long-name-{number}" for number in range(12))
    written(root, REQUEST, TEXT.replace("model: lab/small-8B", f"models: [{names}, {{path: /secret, name: lab/x}}]"))
    assert any("the model is read from a path" in one["message"] for one in found())


@pytest.mark.parametrize("path", ["results/.gitkeep", "generated/x/.gitkeep"])
def test_only_an_empty_file_keeps_a_folder(root: Path, found: Callable[[], Found], path: str) -> None:
    """With text it is another file of a known name."""
    written(root, path, "")
    assert found() == []
    written(root, path, "text\n")
    assert [one["code"] for one in found()] == ["changed-by-hand"]


def test_marks_of_unproven_scores_that_go_are_named(root: Path, found: Callable[[], Found]) -> None:
    """A clone without the ledger writes the page without them, so it is no error."""
    page = "results/README.md"
    replaced(root, page, "0.5000", "0.5000 (unproven)")
    git(root, "commit", "-q", "-a", "-m", "marked")
    replaced(root, page, " (unproven)", "")
    (one,) = found()
    assert one["severity"] == "warning" and "1 score lost the remark `(unproven)`" in one["message"]


@pytest.mark.parametrize("command", ["check", "plan"])
@pytest.mark.parametrize("base", ["", "^HEAD", "HEAD^{tree}", "--output=x", "HEAD..HEAD"])
def test_what_is_no_commit_compares_with_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], command: str, base: str
) -> None:
    """A variable of CI that is empty must not make a check of nothing."""
    assert cli.main(["--repo", str(root), command, f"--base={base}"]) == 1
    assert f"`{base}`" in capsys.readouterr().err and not (root / "x").exists()


def test_words_of_the_submit_command_are_shown_before_and_after(root: Path, found: Callable[[], Found]) -> None:
    """On the line where they are now."""
    replaced(root, TSUBAME, "submit_args: [", "submit_args: [/tmp/other.sh, ")
    (one,) = found()
    old, new = one["message"].removeprefix("service tsubame: submit_args: ").split(" → ")
    assert new == old.replace("[", '["/tmp/other.sh", ', 1) and one["line"] > 1


def test_the_summary_of_a_pull_request_has_every_change(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub shows ten annotations of a step; as Markdown no text of a file becomes a mention, a link or HTML."""
    replaced(root, PROVIDER, "https://llm.lab.example/v1", "https://other.example/v1")
    written(root, ".gitattributes", "/results/**\u202e -diff <b>@all [x](y)\n")
    assert cli.main(["--repo", str(root), "check", "--format", "markdown", "--base", "HEAD"]) == 0
    said = capsys.readouterr().out
    assert "LAB\\_LLM" in said or "LAB_LLM" in said
    assert "https:\u200b//other.example/v1" in said and "gitattributes: added" in said
    assert not {"\u202e", "<b>", "@all", "[x](y)"} & {
        mark for mark in ("\u202e", "<b>", "@all", "[x](y)") if mark in said
    }


def test_a_providers_new_address_and_its_key_are_named(root: Path, found: Callable[[], Found]) -> None:
    """Where questions and the key go from now on, and where they went."""
    replaced(root, PROVIDER, "https://llm.lab.example", "https://other.example")
    said = "\n".join(one["message"] for one in found())
    assert "all questions and the key LAB_LLM_API_KEY go to https://other.example/v1" in said
    assert "base_url: https://llm.lab.example/v1 → https://other.example/v1" in said


def test_each_change_of_a_gate_is_named(root: Path, found: Callable[[], Found]) -> None:
    """A wider margin lets through what did not pass before."""
    written(root, GATE, "baseline: a/b\ncandidates: [a/c]\nrequired: [{suite: swallow-ja, margin: 0.01}]\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "a gate")
    replaced(root, GATE, "0.01", "0.5")
    said = "\n".join(one["message"] for one in found())
    assert "gate release: required:" in said and '"margin": 0.01}] → ' in said and '"margin": 0.5}]' in said


def test_a_provider_without_a_key_is_said_to_get_none(root: Path, found: Callable[[], Found]) -> None:
    """A reviewer reads of a key only where one is sent."""
    written(root, "manifests/providers/open.yaml", "base_url: https://open.example/v1\nkey: false\n")
    said = "\n".join(one["message"] for one in found())
    assert "provider open: all questions and no key go to https://open.example/v1" in said


def test_a_model_that_is_read_from_a_path_is_named(root: Path, found: Callable[[], Found]) -> None:
    """In a request that is new as in one that changes."""
    replaced(root, REQUEST, "model: lab/small-8B", "model: {path: /elsewhere, name: lab/small-8B}")
    assert "the model is read from a path: model.path: (absent) → /elsewhere" in "".join(o["message"] for o in found())


def test_a_fact_of_a_card_that_changes_by_itself_is_named(root: Path, found: Callable[[], Found]) -> None:
    """The facts of a revision do not change: they decide what fits on a node and which marks answers may hold."""
    card = "manifests/models/lab/small-8B.lock.yaml"
    replaced(root, card, "think_tags: false", "think_tags: true")
    replaced(root, card, "2026-11-23", "2026-11-24")
    said = "model card, at the same revision: think_tags: false → true"
    assert [said in one["message"] for one in found()] == [True]
    replaced(root, card, "0123456789abcdef", "1123456789abcdef")
    assert all("same revision" not in one["message"] for one in found())


def test_other_words_before_each_question_of_a_task_are_named(root: Path, found: Callable[[], Found]) -> None:
    """An override of a request, where it is new and where it goes."""
    text = TEXT + "overrides: {ja_exact: {system_message: The answer is B}}\n"
    written(root, REQUEST, text)
    assert cli.main(["--repo", str(root), "compile"]) == 0
    said = "override: overrides.ja_exact.system_message: "
    assert [one["message"] for one in found()] == [f"{said}(absent) → The answer is B"]
    git(root, "commit", "-q", "-a", "-m", "another")
    written(root, REQUEST, TEXT)
    assert f"{said}The answer is B → (absent)" in [one["message"] for one in found()]


def test_what_is_accepted_and_what_no_longer_is_is_named(root: Path, found: Callable[[], Found]) -> None:
    """With who accepts it and why."""
    row = {"by": "Ann", "fingerprint": "f" * 64, "path": "results/x/result.json", "why": "measured by hand"}
    written(root, "results/accepted.json", json.dumps([row]) + "\n")
    (one,) = found()
    assert one["message"].endswith("Ann accepts results/x/result.json without an attempt: measured by hand")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "accepted")
    written(root, "results/accepted.json", "[]\n")
    (one,) = found()
    assert one["message"].endswith("results/x/result.json is no longer accepted")


def test_a_template_names_those_who_use_it(root: Path, found: Callable[[], Found]) -> None:
    """It goes before every question of theirs."""
    written(root, "manifests/models/chat_templates/t.jinja", "{{ 1 }}\n")
    replaced(root, "manifests/models/lab/small-8B.yaml", "default:", "default:\n  chat_template: t")
    said = [one["message"] for one in found()]
    assert "chat template t is added: used by manifests/models/lab/small-8B.yaml" in said
    assert "model: default.chat_template: (absent) → t" in said


def test_a_plugin_names_those_whose_server_runs_it(root: Path, found: Callable[[], Found]) -> None:
    """It is code, and a settings file is one line away from it."""
    written(root, "manifests/models/reasoning_parsers/p.py", "pass\n")
    replaced(root, "manifests/models/lab/small-8B.yaml", "default:", "default:\n  reasoning_parser_plugin: p")
    said = [one["message"] for one in found()]
    assert "code for the server, parser plug-in p is added: used by manifests/models/lab/small-8B.yaml" in said
    assert "model: default.reasoning_parser_plugin: (absent) → p" in said


def test_an_aggregate_without_a_record_is_an_error(root: Path, found: Callable[[], Found]) -> None:
    """However right its form is."""
    text = (root / FOLDER / "aggregated_results.json").read_text().replace("team/tiny", "team/Fake-1T")
    written(root, "results/hosted_vllm/team/Fake-1T/aggregated_results.json", text)
    (one,) = found()
    assert (one["code"], one["severity"]) == ("changed-by-hand", "error")
    assert "no record (result.json) in this folder supports it" in one["message"]


def test_an_edited_aggregate_is_an_error_with_what_the_records_give(root: Path, found: Callable[[], Found]) -> None:
    """The leaderboard, too."""
    replaced(root, f"{FOLDER}/aggregated_results.json", '"exact": 0.5', '"exact": 0.99')
    replaced(root, "results/README.md", "0.5000", "0.9900")
    other, one = sorted(found(), key=lambda one: str(one["file"]))
    assert "exact is 0.99, but the records give 0.5" in one["message"] and other["file"] == "results/README.md"
    assert {one["severity"], other["severity"]} == {"error"}


@pytest.mark.parametrize("made_by", [GENERATED_BY, "evalctl aggregate 999"])
def test_an_aggregate_with_a_false_interval_is_an_error(root: Path, found: Callable[[], Found], made_by: str) -> None:
    """Like a false score, whoever it says made it."""
    path = f"{FOLDER}/aggregated_results.json"
    document = json.loads((root / path).read_text())
    uncertainty = {
        "questions": 9,
        "answers": 1,
        "clusters": None,
        "error": 0.1,
        "low": 0.4,
        "high": 0.6,
        "of_sampling": None,
        "method": "t interval",
    }
    written(
        root, path, json.dumps({**document, "uncertainty": {"exact": uncertainty}, "generated_by": made_by}, indent=2)
    )
    (one,) = found()
    assert (one["code"], one["severity"]) == ("changed-by-hand", "error")
    assert (
        "the uncertainty of exact is {'questions': 9," in one["message"]
        and "but the records give None" in one["message"]
    )


@pytest.mark.parametrize("rebuilt", [True, False])
def test_aggregates_may_follow_new_tables_now_or_at_the_next_sync(
    root: Path, found: Callable[[], Found], rebuilt: bool
) -> None:
    """A change of metrics.yaml is a note, with its aggregates or without them."""
    replaced(root, "manifests/tasks/metrics.yaml", "name: exact", "name: renamed")
    if rebuilt:
        assert cli.main(["--repo", str(root), "results", "rebuild"]) == 0
    assert [(one["severity"], one["file"]) for one in found()] == [("note", "manifests/tasks/metrics.yaml")]


def test_each_record_that_is_touched_is_named(root: Path, found: Callable[[], Found]) -> None:
    """Added, edited, deleted; one that evalctl cannot have written is an error."""
    written(root, f"{FOLDER}/ja/other/result.json", "{}")
    record = root / FOLDER / "ja/exact/result.json"
    record.write_text(to_text({**RECORD, "scores": {"exact|0": {"em": 0.9}}}))
    said = {one["file"]: (one["code"], one["severity"]) for one in found()}
    assert said[f"{FOLDER}/ja/other/result.json"] == ("changed-by-hand", "error")
    assert said[f"{FOLDER}/ja/exact/result.json"] == ("result-touched", "warning")
    record.write_text(json.dumps(RECORD))
    assert "does not have the form that evalctl writes" in "".join(one["message"] for one in found())
    record.unlink()
    assert "a result is deleted" in "".join(one["message"] for one in found())


@pytest.mark.parametrize("name", ["README.md", "hosted_vllm/team/tiny/ja/exact/result.json"])
@pytest.mark.parametrize("mode", ["100755", "120000"])
def test_a_result_of_another_mode_is_an_error(root: Path, found: Callable[[], Found], name: str, mode: str) -> None:
    """Executable, or a link: however right what it holds is."""
    path = root / "results" / name
    if mode == "120000":
        path.rename(root / "elsewhere.md")
        path.symlink_to(root / "elsewhere.md")
    else:
        path.chmod(0o755)
    assert [f"results/{name}: its mode is {mode}; results are regular files"] == [
        one["message"] for one in found() if one["code"] == "changed-by-hand" and one["file"] == f"results/{name}"
    ]


def test_a_generated_file_by_hand_is_an_error(root: Path, found: Callable[[], Found]) -> None:
    """Edited, added, deleted or of another mode; a request with what it compiles to is none."""
    written(root, "manifests/requests/b.yaml", TEXT.replace("ja_exact, ", ""))
    assert cli.main(["--repo", str(root), "compile"]) == 0
    assert found() == []
    one = next((root / "generated").rglob("*.sh"))
    one.write_text(one.read_text() + "true\n")
    written(root, "generated/a/more.sh", "# evalctl compile\n")
    (root / "generated/b/plan.json").chmod(0o755)
    (root / "generated/a/plan.json").unlink()
    said = {one["file"]: one["message"] for one in found() if one["code"] == "changed-by-hand"}
    assert len(said) == 4
    assert "the manifests compile to another text" in said[one.relative_to(root).as_posix()]
    assert "no request compiles to it" in said["generated/a/more.sh"]
    assert "deleted, but the manifests still compile to it" in said["generated/a/plan.json"]


def test_links_and_odd_names_are_named(root: Path, found: Callable[[], Found]) -> None:
    """Where a link leads is shown, not followed; a name that is no UTF-8 is shown with its bytes replaced."""
    (root / FOLDER / "aggregated_results.json").unlink()
    (root / FOLDER / "aggregated_results.json").symlink_to("/etc/passwd")
    (root / os.fsdecode(b"results/\xff\x1b[2J.json")).write_text("{}")
    said = {one["code"]: one["message"] for one in found()}
    assert "root:" not in json.dumps(said) and "\x1b" not in json.dumps(said, ensure_ascii=False)
    assert any("a symbolic link to /etc/passwd" in one["message"] for one in found())
    assert sum(one["code"] == "changed-by-hand" for one in found()) == 2


@pytest.mark.parametrize("base", ["nope", "--output=/tmp/evalctl-never"])
def test_a_commit_that_git_does_not_know_is_said(root: Path, capsys: pytest.CaptureFixture[str], base: str) -> None:
    """A word that looks like an option is no option of git's."""
    assert cli.main(["--repo", str(root), "check", f"--base={base}"]) == 1
    assert f"git knows no commit `{base}`" in capsys.readouterr().err
    assert not Path("/tmp/evalctl-never").exists()


ASKED = QuestionSet(("0" * 16, "1" * 16), ("exact|0", "exact|0"))
VALUES = {
    "schema": "evalctl/scores/1", "questions": ASKED.digest(), "answers": 1,
    "metrics": {"em": {"form": "digits", "values": "01"}}, "of_whole_texts": [],
}  # fmt: skip
SET, SCORES = f"results/questions/ja_exact-{ASKED.digest()}.tsv", f"{FOLDER}/ja/exact/scores.json"


def with_values(root: Path, *, named: bool) -> None:
    """The values of the questions behind the result, with what follows from them."""
    text = json.dumps(VALUES) + "\n"
    digests = {"questions": ASKED.digest(), "scores": hashlib.sha256(text.encode()).hexdigest()}
    record = {**RECORD, "per_question": digests} if named else RECORD
    (root / SET).parent.mkdir()
    (root / SET).write_text(ASKED.text())
    (root / SCORES).write_text(text)
    (root / f"{FOLDER}/ja/exact/result.json").write_text(to_text(record))
    assert cli.main(["--repo", str(root), "results", "rebuild"]) == 0


def told(found: Callable[[], Found]) -> set[tuple[str, str, str]]:
    """File, code and what is said of it, but for the files that follow from others."""
    return {(one["file"], one["code"], one["message"].partition(": ")[2]) for one in found()}


@pytest.mark.parametrize("named", [True, False])
def test_values_of_questions_that_evalctl_writes_are_no_change_by_hand(
    root: Path, found: Callable[[], Found], named: bool
) -> None:
    """With a result that names them, or added to one of before; a deleted one that no record names is none either."""
    with_values(root, named=named)
    every = told(found)
    assert not [one for one in every if one[1] == "changed-by-hand"]
    added = (SCORES, "result-touched", "values of questions, which the record beside does not name, are added")
    assert (added in every) != named


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        (SCORES, "01", "10", "scores.json was changed: its SHA-256 is not the one in the record"),
        (SCORES, '"answers": 1', '"answers": 2', "scores.json was changed: its SHA-256 is not the one in the record"),
        (SCORES, "", None, "its record names it"),
        (SET, "0" * 16, "2" * 16, "its digest is"),
        (SET, "", None, "the values of a result are of this question set"),
        (SET, "# ", "## ", "it is no question set"),
    ],
)
def test_values_of_questions_by_hand_are_errors(
    root: Path, found: Callable[[], Found], path: str, old: str, new: str | None, why: str
) -> None:
    """Each with its reason."""
    with_values(root, named=True)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "values")
    if new is None:
        (root / path).unlink()
    else:
        (root / path).write_text((root / path).read_text().replace(old, new))
    assert [one for one in told(found) if one[0] == path and one[1] == "changed-by-hand" and why in one[2]]


def test_values_that_make_another_score_or_have_another_form_are_errors(root: Path, found: Callable[[], Found]) -> None:
    """Also beside a result that does not name them; and a set that no result uses."""
    with_values(root, named=False)
    (root / SCORES).write_text(json.dumps(VALUES).replace('"01"', '"11"'))
    other = SET.replace(ASKED.digest(), QuestionSet(("3" * 16,), ("exact|0",)).digest())
    (root / other).write_text(QuestionSet(("3" * 16,), ("exact|0",)).text())
    said = {one[0]: one[2] for one in told(found) if one[1] == "changed-by-hand"}
    assert "its questions make 1.0 of `em` of exact|0, the record has 0.5" in said[SCORES]
    assert said[other] == "added, but no result has values of these questions"
    (root / SCORES).write_text(json.dumps(VALUES, indent=2))
    assert "does not have the form that evalctl writes" in str(told(found))
    alone = f"{FOLDER}/ja/other/scores.json"
    (root / alone).parent.mkdir()
    (root / alone).write_text("{}")
    assert (alone, "changed-by-hand", "added, but no result is beside it") in told(found)


@pytest.mark.parametrize("changed", [{"of_whole_texts": None}, {"of_whole_texts": ["bleu"]}, {"of_whole_texts": {}}])
def test_values_in_a_form_that_only_a_person_writes_are_an_error_with_its_reason(
    root: Path, found: Callable[[], Found], changed: dict[str, Any]
) -> None:
    """They read, and evalctl would not take them over."""
    with_values(root, named=False)
    (root / SCORES).write_text(json.dumps({**VALUES, **changed}))
    (said,) = [one[2] for one in told(found) if one[:2] == (SCORES, "changed-by-hand")]
    assert "another form" in said or "metrics that the record does not have" in said
