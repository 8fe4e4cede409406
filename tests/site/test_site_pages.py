"""`evalctl results site`: what is on the pages, from which commit, and which folder it may be written to."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from planted_site import HOSTILE, REPOSITORY, commit, derive, names, planted, tables

from evalctl import cli
from evalctl.site import pages as site_pages
from evalctl.site import ties
from evalctl.site.libraries import SCRIPTS
from evalctl.site.words import LANGUAGES, words
from evalctl_job.ends import Ends

MODELS = list(names(6))
SWALLOW = "results/hosted_vllm/tokyotech-llm/Llama-3.1-Swallow-8B-Instruct-v0.5"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six models; tests do not change it."""
    return planted(tmp_path_factory.mktemp("clone"), MODELS, questions=20)


@pytest.fixture(scope="module")
def site(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its pages."""
    folder = tmp_path_factory.mktemp("site")
    assert made(root, folder) == 0
    return folder


def made(root: Path, folder: Path, *words: str) -> int:
    """The exit code of the command."""
    return cli.main(["--repo", str(root), "results", "site", "-o", str(folder), *words])


def files(folder: Path) -> dict[str, str]:
    """The digest of every file."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def pages(folder: Path) -> dict[str, str]:
    """The text of every page."""
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.html"))}


class Links(HTMLParser):
    """The addresses that a page loads or leads to, and the ids that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects."""
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        self.ids += [str(value) for name, value in attrs if name == "id"]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]


def test_every_link_leads_to_a_page_of_the_site(site: Path) -> None:
    """Nothing is loaded from elsewhere, nothing is missing, and no id is there twice."""
    for path, text in pages(site).items():
        read = Links(text)
        assert len(read.ids) == len(set(read.ids)), path
        assert read.handlers == [], path
        for link in read.links:
            target, _, anchor = link.partition("#")
            assert ":" not in link or link == "data:,", link
            file = (site / path).parent / target if target else site / path
            if link != "data:,":
                assert file.is_file(), (path, link)
            if anchor:
                assert anchor in Links(file.read_text("utf-8")).ids, (path, link)


def test_the_library_of_charts_is_what_was_published(site: Path) -> None:
    """Each file in the site has the bytes that npm has, and its licence is beside it."""
    assert {name: hashlib.sha256((site / "charts" / name).read_bytes()).hexdigest() for name in SCRIPTS} == SCRIPTS
    licences = (site / "charts/LICENSES.txt").read_text("utf-8")
    assert all(name in licences and digest in licences for name, digest in SCRIPTS.items())


def test_only_pages_with_a_chart_load_the_library(site: Path) -> None:
    """A chart is drawn from a table that its page has."""
    with_charts = set()
    for path, text in pages(site).items():
        tables = re.findall(r'class="drawn"[^>]* data-table="([^"]+)"', text)
        assert bool(tables) == ("charts.js" in text) == ("charts/plot-" in text), path
        assert all(f'id="{table}"' in text for table in tables), path
        with_charts |= {path.split("/")[-2] if "/" in path else path for _ in tables}
    assert with_charts >= {"index.html", "pairs", "tasks"} and "about.html" not in with_charts


def test_all_pages_are_of_one_version(root: Path, site: Path, tmp_path: Path) -> None:
    """Templates that change while pages are written (a checkout, an upgrade) change none of them; a link to a page that
    only the new version writes led nowhere."""
    copy = tmp_path / "compiler"
    for package in ("evalctl", "evalctl_job", "evalctl_queue"):
        shutil.copytree(REPOSITORY / "compiler" / package, copy / package)
    (copy / "evalctl_environments").symlink_to(REPOSITORY / "compiler/evalctl_environments")
    program = (
        "import pathlib, sys; from evalctl import cli; from evalctl.site import pages\n"
        "for one in pathlib.Path(pages.__file__).parent.joinpath('templates').iterdir(): one.write_text('changed')\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    words = ["--repo", str(root), "results", "site", "-o", str(tmp_path / "site")]
    subprocess.run([sys.executable, "-c", program, *words], check=True, env={**os.environ, "PYTHONPATH": str(copy)})
    assert files(tmp_path / "site") == files(site)


def test_a_method_leads_to_its_section(site: Path) -> None:
    """On a page of the site itself, in the language of the page."""
    found = pages(site)
    (text,) = (text for path, text in found.items() if re.match(r"ja/models/.*greedy-long-context-\w+\.html", path))
    assert 'href="../methods.html#average-over-entries">average over entries</a>' in text
    assert (
        re.search(r'href="\.\./methods\.html#effective-number-of-questions">Wilson interval of', text)
        or "#wilson-interval" in text
    )
    assert 'id="wilson-interval">Wilson 区間' in found["ja/methods.html"]
    pair = next(text for path, text in found.items() if path.startswith("pairs/"))
    assert "../methods.html#holms-correction" in pair and "../methods.html#adjusted-paired-interval" in pair


def test_the_leaderboard_is_sorted_by_the_first_average(site: Path) -> None:
    """Without JavaScript, too; each model has its page."""
    rows = re.findall(r'<tr><th scope="row"><a href="(models/[^"]+)">([^<]+)', (site / "index.html").read_text("utf-8"))
    assert rows[0][1] == MODELS[0] and len(rows) == len(MODELS)
    assert all((site / link).is_file() for link, _ in rows)


def test_the_same_commit_gives_the_same_bytes(root: Path, site: Path, tmp_path: Path) -> None:
    """Also over an earlier result site; what the work tree has does not matter."""
    aggregate = root / SWALLOW / "aggregated_results.json"
    kept = aggregate.read_bytes()
    try:
        aggregate.write_text("{}")
        assert (made(root, tmp_path), made(root, tmp_path)) == (0, 0)
    finally:
        aggregate.write_bytes(kept)
    assert files(tmp_path) == files(site)


def test_the_number_of_processes_does_not_matter(
    root: Path, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages and best groups that several processes make are the same bytes."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    for module in (site_pages, ties):
        monkeypatch.setattr(module, "_FEWEST", 1)
    assert made(root, tmp_path) == 0
    assert files(tmp_path) == files(site)


def test_a_number_leads_to_what_was_run(site: Path) -> None:
    """The page of a model has the record, script, weights, environment and person of each eval."""
    (text,) = (text for path, text in pages(site).items() if re.match(r"models/.*greedy-long-context-\w+\.html", path))
    for fact in ("/greedy-long-context/ja/mmlu/result.json", "generated/Llama-3.1-Swallow-8B-Instruct-v0.5/ev-x.sh", "a" * 40,
                 "lighteval-e230f61ef83f", "kana@tsubame", "c" * 64, "NVIDIA H100"):  # fmt: skip
        assert fact in text, fact
    assert 'href="#eval-ja_mmlu"' in text and 'id="eval-ja_mmlu"' in text


def test_both_languages_have_every_page(site: Path) -> None:
    """With the language in the page, the same numbers, and no word of the other language's own."""
    found = pages(site)
    assert {path for path in found if not path.startswith("ja/")} == {
        path.removeprefix("ja/") for path in found if path.startswith("ja/")
    }
    assert '<html lang="ja">' in found["ja/index.html"] and "リーダーボード" in found["ja/index.html"]
    numbers = [re.findall(r"<td[^>]*>(\d[^<]*)", found[path]) for path in ("index.html", "ja/index.html")]
    assert numbers[0] == numbers[1] and numbers[0]


def test_text_of_records_is_never_markup(tmp_path: Path) -> None:
    """A warning, a host or a name with markup is shown as it is."""
    root = planted(tmp_path / "clone", MODELS[:1], questions=5)
    path = root / SWALLOW / "ja/mmlu/result.json"
    record = json.loads(path.read_text("utf-8"))
    record["warnings"] = [HOSTILE, "<word leaderboard>"]
    for part, key in (("ran", "host"), ("request", "path"), ("generation", "stop"), ("subject", "revision")):
        record[part][key] = HOSTILE
    path.write_text(json.dumps(record), encoding="utf-8")
    derive(root, tables(root)[0])
    commit(root, "hostile")
    assert made(root, tmp_path / "site") == 0
    text = "".join(pages(tmp_path / "site").values())
    assert text.count("&lt;script&gt;document.title") > 4 and "<script>" not in text and "<img" not in text
    assert "&lt;word leaderboard&gt;" in text and "<word" not in text


def test_history_has_a_value_for_each_commit_that_changed_it(tmp_path: Path) -> None:
    """The newest first, with the commit; a commit that changed nothing has no line; an older commit has its own site."""
    root = planted(tmp_path / "clone", MODELS[:1], questions=5)
    path = root / SWALLOW / "ja/mt_bench/result.json"
    path.with_name("scores.json").unlink()
    for number in (1, 2):
        record = json.loads(path.read_text("utf-8"))
        record["scores"] = {key: dict.fromkeys(values, 0.25 * number) for key, values in record["scores"].items()}
        record.pop("per_question", None)
        path.write_text(json.dumps(record), encoding="utf-8")
        derive(root, tables(root)[0])
        commit(root, f"again {number}", f"2026-11-2{number}")
    assert made(root, tmp_path / "site") == 0
    (text,) = (text for path, text in pages(tmp_path / "site").items() if path.startswith("models/"))
    (trend,) = re.findall(r"<figcaption>japanese_mtbench_average</figcaption>.*?</figure>", text, re.DOTALL)
    assert re.findall(r'<td class="text">(2026[^<]+)</td>', trend) == ["2026-11-22", "2026-11-21", "2026-11-20"]
    assert re.findall(r"<td>([\d.]+)", trend)[:2] == ["0.5000", "0.2500"] and "charts.js" in text
    assert made(root, tmp_path / "before", "--at", "HEAD~1") == 0
    assert "2026-11-21" in (tmp_path / "before/index.html").read_text("utf-8")


def test_another_folder_is_left_alone(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that has other files; a page that is no longer made goes, a file that somebody added stays."""
    (tmp_path / "notes.txt").write_text("mine")
    assert made(root, tmp_path) == 1 and [one.name for one in tmp_path.iterdir()] == ["notes.txt"]
    assert "-o FOLDER" in capsys.readouterr().err
    folder = tmp_path / "site"
    assert made(root, folder) == 0
    (folder / "mine.html").write_text("mine")
    listed = (folder / "files.txt").read_text("utf-8")
    (folder / "old.html").write_text("old")
    (folder / "files.txt").write_text(f"{listed}old.html\n../notes.txt\n/etc/hostname\n")
    assert made(root, folder) == 0
    assert not (folder / "old.html").exists() and (folder / "mine.html").exists() and (tmp_path / "notes.txt").exists()


def test_a_repository_without_results_has_a_site(root: Path, tmp_path: Path) -> None:
    """That says so."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "rm", "-rq", "results"], check=True)
    commit(clone, "nothing")
    assert made(clone, tmp_path / "site") == 0
    assert "Nothing has been measured yet" in (tmp_path / "site/index.html").read_text("utf-8")


def test_a_commit_that_is_not_there_is_named(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is written."""
    assert made(root, tmp_path / "site", "--at", "nope") == 1
    assert "nope" in capsys.readouterr().err and not (tmp_path / "site").exists()


def board(folder: Path) -> dict[str, list[str]]:
    """Of each model the classes of its cells on the leaderboard, the average first."""
    text = (folder / "index.html").read_text("utf-8")
    rows = re.findall(r'<tr><th scope="row"><a href="[^"]+">([^<]+)</a>.*?</tr>', text)
    cells = re.findall(r"<tr><th scope=\"row\">.*?</tr>", text)
    return {name: re.findall(r"<td( class=\"best\")?>", row) for name, row in zip(rows, cells, strict=True)}


def test_an_average_has_the_interval_of_the_leaderboard_in_git(root: Path, site: Path) -> None:
    """The ± there is the longer side of the interval here."""
    margins = set(re.findall(r"(\d\.\d{4}) ±(\d\.\d{4})", (root / "results/README.md").read_text("utf-8")))
    cells = re.findall(r"<td[^>]*>(\d\.\d{4})[^–]*?>(\d\.\d{4})–(\d\.\d{4})<", (site / "index.html").read_text("utf-8"))
    sides: dict[str, list[float]] = {}
    for mean, low, high in cells:
        sides.setdefault(mean, []).append(max(float(mean) - float(low), float(high) - float(mean)))
    shared = [(mean, float(margin)) for mean, margin in margins if mean in sides]
    assert len(shared) > 10
    assert [mean for mean, margin in shared if not any(abs(margin - side) < 2e-4 for side in sides[mean])] == []


def test_the_best_group_has_the_first_and_not_the_last(site: Path) -> None:
    """Models are told apart by pairs of questions, for all of them at once; the group is said in words, too."""
    found = board(site)
    names_in_order = list(found)
    assert found[names_in_order[0]][0] and not found[names_in_order[-1]][0]
    assert "with 95 % confidence the best of the models that can be compared is among them" in (
        site / "index.html"
    ).read_text("utf-8")


def test_equal_models_are_in_one_group(tmp_path: Path) -> None:
    """Three models of one skill cannot be told apart, though one of them is ahead."""
    root = planted(tmp_path / "clone", ["a/one", "a/two", "a/three"], questions=20, slope=0.0)
    assert made(root, tmp_path / "site") == 0
    assert all(cells[0] for cells in board(tmp_path / "site").values())


def test_the_first_is_compared_with_the_next(root: Path, site: Path, tmp_path: Path) -> None:
    """Each pair has a page with differences, words and flips; another pair has one where it is asked for, by either name."""
    found = {path: text for path, text in pages(site).items() if path.startswith("pairs/")}
    assert len(found) == min(len(MODELS) - 1, 5)
    assert all(f"{MODELS[0]} –" in text for text in found.values())
    last = next(text for text in found.values() if MODELS[-1] in text)
    assert "(1) is better" in last and "better for (1):" in last and "adjusted paired interval" in last
    assert made(root, tmp_path, "--pair", MODELS[-1], MODELS[-2]) == 0
    more = {path for path in pages(tmp_path) if path.startswith("pairs/")} - set(found)
    assert len(more) == 1
    (text,) = (text for path, text in pages(tmp_path).items() if path in more)
    assert re.search(f"<h1>{MODELS[-1]} – {MODELS[-2]}</h1>", text) and "no difference shown" in text


@pytest.mark.parametrize("word", ["tokyotech-llm", "lab/modle-000-Instruct"])
def test_a_pair_names_two_models(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    """A word that names several or none is an error before anything is written."""
    assert made(root, tmp_path / "site", "--pair", MODELS[2], word) == 1
    told = capsys.readouterr().err
    assert ("name one of: " in told or "did you mean `lab/model-000-Instruct`?" in told) and not (
        tmp_path / "site"
    ).exists()


def test_scores_without_values_of_questions_have_no_interval(tmp_path: Path) -> None:
    """Records of before are shown as they are: no interval, no best group, not comparable, with the reason."""
    root = planted(tmp_path / "clone", MODELS[-2:], questions=5)
    for path in root.rglob("scores.json"):
        record = path.with_name("result.json")
        record.write_text(
            json.dumps(
                {key: value for key, value in json.loads(record.read_text("utf-8")).items() if key != "per_question"}
            )
        )
        path.unlink()
    derive(root, tables(root)[0])
    commit(root, "old")
    assert made(root, tmp_path / "site") == 0
    found = pages(tmp_path / "site")
    assert "values of single questions are missing" in found["index.html"] and 'class="best"' not in found["index.html"]
    assert any(
        "not comparable" in text and "older evalctl" in text
        for path, text in found.items()
        if path.startswith("pairs/")
    )


def test_a_model_has_how_its_answers_ended(tmp_path: Path) -> None:
    """Of a record that says it; a dash where it is not known, and the score of the finished questions where some are not."""
    root = planted(tmp_path / "clone", MODELS[:1], questions=40, only=("ja_mmlu", "ja_mmlu_prox"), right=(30,))
    path = root / SWALLOW / "ja/mmlu/result.json"
    record, values = json.loads(path.read_text("utf-8")), json.loads((path.parent / "scores.json").read_text("utf-8"))
    number = sum(record["weights"].values())
    ends = Ends(
        (1,) * number,
        {
            "cut_off": tuple(int(at % 40 < 20) for at in range(number)),
            "unended": tuple(int(at == 0) for at in range(number)),
        },
    )
    text = json.dumps({**values, "ends": ends.as_json()})
    (path.parent / "scores.json").write_text(text, encoding="utf-8")
    record["per_question"]["scores"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps({**record, "stability": ends.totals()}), encoding="utf-8")
    derive(root, tables(root)[0])
    commit(root, "ends")
    assert made(root, tmp_path / "site") == 0
    (page,) = (text for path, text in pages(tmp_path / "site").items() if path.startswith("models/"))
    section = page[page.index('id="stability"') : page.index('id="time"')]
    assert f'<td class="care">1<i>{1 / number:.1%}</i></td><td>0</td><td>0</td>' in section
    assert "<td>–</td><td>–</td><td>–</td>" in section
    # 30 of 40 questions are right, the first ones; of the 20 that are not cut off 10.
    assert f"<td>0.7500</td><td>0.5000</td><td>{number // 2} / {number}</td>" in section


def test_a_task_names_its_hardest_questions(site: Path) -> None:
    """By digest, those with the lowest mean first; never more than twenty."""
    (text,) = (text for path, text in pages(site).items() if re.match(r"tasks/ja-mmlu-\w{8}\.html", path))
    rows = re.findall(r"<code>([0-9a-f]{16})</code></th><td>([\d.]+)</td></tr>", text)
    means = [float(mean) for _, mean in rows]
    assert len(rows) == 20 and means == sorted(means) and means[-1] < 0.5


def test_no_word_of_the_pages_is_hidden_by_a_method() -> None:
    """A template's `t.word` would show a method of the dict in its place."""
    assert [word for language in LANGUAGES for word in words(language) if hasattr(dict, word)] == []
