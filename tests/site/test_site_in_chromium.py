"""The result site in a real Chromium, driven by Playwright. Skipped where either is missing: tests/site/requirements.lock has what is needed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from planted_site import names, planted

from evalctl import cli

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
driver = pytest.importorskip(
    "playwright.sync_api", reason="pip install --require-hashes -r tests/site/requirements.lock"
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium-headless-shell")
KINDS = (
    "index.html",
    "entries.html",
    "tasks.html",
    "changes.html",
    "costs.html",
    "about.html",
    "methods.html",
    "models/*.html",
    "tasks/*.html",
    "pairs/*.html",
)
NARROW, PHONE, DESK = 360, 390, 1280


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of eight models."""
    root, made = (
        planted(tmp_path_factory.mktemp("clone"), list(names(8)), questions=20),
        tmp_path_factory.mktemp("site"),
    )
    assert cli.main(["--repo", str(root), "results", "site", "-o", str(made)]) == 0
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium."""
    with driver.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


class Visit:
    """A page in its own context; what it asked for and complained of is kept."""

    def __init__(self, browser: Any, **options: Any) -> None:
        width = options.pop("width", DESK)
        self.page = browser.new_context(viewport={"width": width, "height": 800}, **options).new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def to(self, path: Path) -> Any:
        """The page, loaded."""
        self.page.goto(path.as_uri())
        return self.page


def drawn(page: Any) -> None:
    """Opens the charts, and waits for them."""
    for summary in page.locator("details.drawn:not([open]) > summary").all():
        summary.click()
    for box in page.locator(".drawn").all():
        box.locator("svg.plot").first.wait_for()


def each(folder: Path) -> list[Path]:
    """A page of each kind in both languages."""
    found = [sorted(folder.glob(f"{language}{kind}"))[:1] for language in ("", "ja/") for kind in KINDS]
    return [path for paths in found for path in paths]


def column(page: Any, number: int) -> list[str]:
    """The first line of a column's visible cells."""
    cells = page.locator(f"table.board tbody tr:not([hidden]) > :nth-child({number})").all_inner_texts()
    return [str(cell).split("\n")[0] for cell in cells]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_complains_or_asks_another_host(browser: Any, folder: Path, scheme: str) -> None:
    """Nothing is printed on the console, and all that is loaded is beside the page."""
    visit = Visit(browser, color_scheme=scheme)
    for path in each(folder):
        drawn(visit.to(path))
    assert visit.complaints == []
    assert {url.split(":")[0] for url in visit.asked} <= {"file", "data"}
    visit.page.context.close()


@pytest.mark.parametrize("width", [NARROW, PHONE, DESK])
def test_no_page_scrolls_sideways(browser: Any, folder: Path, width: int) -> None:
    """A wide table scrolls within its box; no text is smaller than 16 pixels."""
    visit = Visit(browser, width=width)
    for path in each(folder):
        page = visit.to(path)
        drawn(page)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.evaluate("document.documentElement.scrollWidth") == width, path
        smallest = page.evaluate("""Math.min(...[...document.querySelectorAll('main *, footer *')]
          .filter(one => one.textContent.trim() && one.getClientRects().length).map(one => parseFloat(getComputedStyle(one).fontSize)))""")
        assert smallest >= 16, path
    visit.page.context.close()


def test_a_column_sorts_the_table_and_its_chart(browser: Any, folder: Path) -> None:
    """By mouse and by keyboard, down and then up; a dash stays last; the chart is of the sorted column, its library is
    loaded when it is opened."""
    visit = Visit(browser)
    page = visit.to(folder / "index.html")
    heads = page.locator("thead th")
    place = 1 + next(number for number in range(heads.count()) if "jmmlu" in heads.nth(number).inner_text())
    page.locator(f"thead th:nth-child({place}) button").click()
    found = [float(text.strip("*")) for text in column(page, place)]
    assert found == sorted(found, reverse=True) and found[0] != found[-1]
    assert page.locator(f"thead th:nth-child({place})").get_attribute("aria-sort") == "descending"
    assert not any("/charts/" in url for url in visit.asked)  # half a megabyte: only for who opens the chart
    page.locator("details.drawn summary").click()
    page.locator("svg.plot").wait_for()
    assert page.locator(".plots figcaption").all_inner_texts() == ["jmmlu"]
    points = across(page, 0)
    assert points == sorted(points, reverse=True) and len(points) == len(found)
    page.locator(f"thead th:nth-child({place}) button").focus()
    page.keyboard.press("Enter")
    assert [float(text.strip("*")) for text in column(page, place)] == sorted(found)
    driver.expect(page.locator("svg.plot circle").first).to_have_attribute("cx", re.compile(f"^{points[-1]}"))
    assert across(page, 0) == points[::-1]
    page.keyboard.press("Space")
    assert page.locator(f"thead th:nth-child({place})").get_attribute("aria-sort") == "descending"
    assert visit.complaints == []
    page.context.close()


def across(page: Any, chart: int) -> list[float]:
    """Where a chart's points are, from the top to the bottom."""
    return [float(one.get_attribute("cx") or 0) for one in page.locator("svg.plot").nth(chart).locator("circle").all()]


def test_a_chart_of_chosen_columns_is_made_by_keyboard_alone(browser: Any, folder: Path) -> None:
    """Each has the models of the table in its order, its intervals, and words for who cannot see it; a filter holds for it."""
    visit = Visit(browser)
    page = visit.to(folder / "index.html")
    page.locator("details.drawn summary").focus()
    page.keyboard.press("Enter")
    for key in ("Tab", "Space", "Tab", "Space"):
        page.keyboard.press(key)
    page.locator("svg.plot").nth(1).wait_for()
    heads = page.locator("thead th[data-language]").all_inner_texts()
    assert page.locator(".plots figcaption").all_inner_texts() == heads[:2]
    for number in range(2):
        assert len(across(page, number)) == 8
        label = page.locator("svg.plot").nth(number).get_attribute("aria-label")
        assert label == f"Chart; the table has the same numbers: {heads[number]}"
    page.get_by_label("Find a model").fill("swallow")
    driver.expect(page.locator("svg.plot circle")).to_have_count(4)
    assert visit.complaints == []
    page.context.close()


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_a_forest_plot_has_the_numbers_of_its_table(browser: Any, folder: Path, width: int) -> None:
    """A point for each entry that can be compared, filled where a difference is shown, within the page's width."""
    visit = Visit(browser, width=width)
    page = visit.to(sorted(folder.glob("pairs/*.html"))[0])
    page.locator("svg.plot").wait_for()
    assert len(across(page, 0)) == page.locator("table.forest [data-full]").count() > 5
    filled = page.locator('svg.plot circle[fill="var(--best)"]').count()
    assert filled == page.locator("table.forest [data-shown]").count() > 0
    box = page.locator("svg.plot").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    assert visit.complaints == []
    page.context.close()


def test_numbers_of_charts_are_those_of_the_tables_in_each_language(browser: Any, folder: Path) -> None:
    """The same at the axes of a page and of its twin, with a point and a hyphen; at the pointer what the cell has."""
    found: dict[str, list[str]] = {"": [], "ja": []}
    for language, all_ticks in found.items():
        page = Visit(browser).page
        for path in sorted((folder / language).glob("pairs/*.html")):
            page.goto(path.as_uri())
            page.locator("svg.plot").wait_for()
            all_ticks += page.locator("svg.plot g[font-variant=tabular-nums] text").all_text_contents()
        page.locator("svg.plot circle").first.hover()
        row = page.locator("table.forest tr:has([data-full])").first
        wanted = [row.locator("th").inner_text(), *row.locator("[data-full]").inner_text().split("\n")]
        tip = page.locator("svg.plot g[pointer-events=none] tspan").all_text_contents()
        assert [line.strip("\u200b") for line in tip] == wanted
        page.context.close()
    assert found[""] == found["ja"] and any(text.startswith("-0.") for text in found[""])
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", text) for text in found[""])


def test_on_a_phone_the_numbers_at_the_pointer_are_whole(browser: Any, folder: Path) -> None:
    """For each point of a chart they are within it; the name is above its line."""
    page = Visit(browser, width=PHONE).to(folder / "index.html")
    drawn(page)
    chart = page.locator("svg.plot").bounding_box()
    for point in page.locator("svg.plot circle").all():
        point.hover()
        tip = page.locator("svg.plot g[pointer-events=none]:has(path)").last.bounding_box()
        assert chart["x"] <= tip["x"] and tip["x"] + tip["width"] <= chart["x"] + chart["width"]
    page.context.close()


def test_a_chart_that_cannot_be_loaded_says_so(browser: Any, folder: Path) -> None:
    """The table stays."""
    page = Visit(browser).page
    page.route("**/charts/*", lambda route: route.abort())
    page.goto(sorted(folder.glob("pairs/*.html"))[0].as_uri())
    page.get_by_text("The table has the same numbers.").wait_for()
    assert page.locator("table.forest tbody tr").count() > 5
    page.context.close()


def test_filters_leave_what_was_asked_for(browser: Any, folder: Path) -> None:
    """A part of a name, columns of a language, a date; the number of models is said."""
    page = Visit(browser).to(folder / "index.html")
    page.get_by_label("Find a model").fill("swallow")
    assert len(column(page, 1)) == 2 and "2 shown of 8" in page.locator("output").inner_text()
    page.get_by_label("Find a model").fill("")
    page.get_by_label("Columns").select_option("ja")
    heads = page.locator("thead th:not([hidden])").all_inner_texts()
    assert any("jmmlu" in head for head in heads) and not any("hellaswag" in head for head in heads)
    page.get_by_label("Measured since").fill("2027-01-01")
    assert column(page, 1) == []
    page.context.close()


def test_the_address_keeps_what_was_chosen(browser: Any, folder: Path) -> None:
    """Filters and sorting are there after a reload, on another machine and in the other language; the button takes the filters back."""
    visit = Visit(browser)
    page = visit.to(folder / "index.html")
    page.get_by_label("Find a model").fill("swallow & 日本")
    page.get_by_label("Find a model").fill("lab/")
    page.get_by_label("Columns").select_option("ja")
    page.get_by_label("Measured since").fill("2020-01-31")
    for _ in range(2):
        page.locator("thead button", has_text=re.compile("^jmmlu$")).click()
    shown = page.locator("tbody tr:not([hidden]) th").all_inner_texts()
    assert 1 < len(shown) < 8 and "find=lab%2F" in page.url and "order=ascending" in page.url
    for other in (page.url, page.locator("a.language").get_attribute("href")):
        page.goto(page.evaluate("address => new URL(address, location).href", other))
        assert page.locator("tbody tr:not([hidden]) th").all_inner_texts() == shown
        assert page.locator("[aria-sort=ascending]").inner_text().startswith("jmmlu")
        assert page.locator("[name=since]").input_value() == "2020-01-31"
    page.locator("button[type=reset]").click()
    driver.expect(page.locator("tbody tr:not([hidden])")).to_have_count(8)
    assert "find" not in page.url and "sort=jmmlu" in page.url
    assert visit.complaints == []
    page.context.close()


def test_an_address_with_nonsense_shows_everything(browser: Any, folder: Path) -> None:
    """No column, no language and no date of that name: nothing is sorted or left out, and nothing is complained of."""
    visit = Visit(browser)
    visit.page.goto(
        (folder / "index.html").as_uri() + "?sort=nope&order=up&language=xx&since=yesterday&best=yes&count=9&find=%00"
    )
    assert visit.page.locator("[name=language]").input_value() == "" and visit.complaints == []
    visit.page.goto(
        (folder / "index.html").as_uri() + "?sort=nope&order=up&language=xx&since=yesterday&best=yes&count=9"
    )
    assert len(column(visit.page, 1)) == 8 and visit.complaints == []
    visit.page.context.close()


def test_filters_and_sorting_work_by_keyboard(browser: Any, folder: Path) -> None:
    """Tab goes through the filters in their order and on to the heads of the table; each is used without a mouse."""
    page = Visit(browser).to(folder / "index.html")
    page.locator("[name=find]").focus()
    page.keyboard.type("lab/")
    assert len(column(page, 1)) == 4
    page.keyboard.press("Tab")
    page.keyboard.press("j")
    assert page.locator("[name=language]").input_value() == "ja"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.name || document.activeElement.type || document.activeElement.className"
            )
        )
    assert [name for name in ("since", "best", "reset", "wide") if name not in reached] == []
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") in (
        "ascending",
        "descending",
    )
    page.context.close()


def test_changes_since_a_date_are_found(browser: Any, folder: Path) -> None:
    """From the first page; by a date and a name, whose months without a change go; without JavaScript by a month's anchor."""
    page = Visit(browser).to(folder / "index.html")
    page.locator("main").get_by_role("link", name="What changed").click()
    rows = page.locator("tbody:not([hidden]) tr:not(.month):not([hidden])")
    every = rows.count()
    page.get_by_label("Changed since").fill("2026-11-20")
    assert rows.count() == every > 50 and page.locator("tbody .month").is_visible()
    page.get_by_label("Find a model").fill("swallow")
    assert 0 < rows.count() < every and "find=swallow" in page.url and "since=2026-11-20" in page.url
    page.get_by_label("Changed since").fill("2026-11-21")
    assert rows.count() == 0 and page.locator("tbody .month").is_hidden()
    page.context.close()
    page = Visit(browser, java_script_enabled=False).to(folder / "changes.html")
    page.get_by_role("link", name="2026-11").click()
    assert page.url.endswith("#m-2026-11") and page.locator("#m-2026-11 td").first.is_visible()
    page.context.close()


def test_without_javascript_everything_can_be_read(browser: Any, folder: Path) -> None:
    """The table is sorted, filters that would do nothing are not there, and details open."""
    page = Visit(browser, java_script_enabled=False).to(folder / "index.html")
    found = [float(text.strip("*")) for text in column(page, 3)]
    assert found == sorted(found, reverse=True) and page.locator(".filters").is_hidden()
    page.locator("tbody a").first.click()
    page.locator("summary").last.click()
    assert page.locator("details").last.locator("dd").first.is_visible()
    page.context.close()


def test_a_number_leads_to_its_eval_and_the_other_language_to_the_same_page(browser: Any, folder: Path) -> None:
    """The eval opens; the Japanese page is that of the same model."""
    page = Visit(browser).to(sorted(folder.glob("models/*.html"))[0])
    page.locator("a[href='#eval-ja_mmlu']").first.click()
    page.locator("#eval-ja_mmlu[open] dd").first.wait_for()
    name = page.locator("h1").inner_text()
    page.get_by_role("link", name="日本語").click()
    assert (page.locator("h1").inner_text(), page.locator("html").get_attribute("lang")) == (name, "ja")
    page.context.close()


def test_what_was_run_for_a_number_is_two_clicks_away(browser: Any, folder: Path) -> None:
    """From a number of the leaderboard: the model's name, then the task beside the number, and all of what was run is shown."""
    page = Visit(browser).to(folder / "index.html")
    clicks = [page.locator("tbody tr").first.get_by_role("link").first]
    clicks[0].click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=re.compile("^jmmlu")))
    clicks.append(row.first.get_by_role("link", name=re.compile("^ja_")))
    clicks[-1].click()
    shown = page.locator("details[open] .provenance").first
    shown.wait_for()
    text = shown.inner_text()
    for fact in (
        "/result.json",
        "generated/",
        "/ev-x.sh",
        "c" * 64,
        "a" * 40,
        "lighteval-e230f61ef83f",
        "vllm-a576e9cb1ea7",
        "kana@tsubame",
    ):
        assert fact in text, fact
    assert len(clicks) == 2 and shown.evaluate("one => one.getBoundingClientRect().top < innerHeight")
    page.context.close()


def test_a_cost_that_is_not_known_is_sorted_last(browser: Any, folder: Path) -> None:
    """The table of cost and time is sorted as the leaderboard is."""
    page = Visit(browser).to(folder / "costs.html")
    page.locator("thead button", has_text="Working time of tasks").click()
    assert page.locator("[aria-sort=descending]").inner_text().startswith("Working time")
    page.locator("thead button", has_text="GPU hours").click()
    assert set(page.locator("tbody td:nth-child(5)").all_inner_texts()) == {"not known"}
    page.context.close()


def test_the_colours_follow_the_reader(browser: Any, folder: Path) -> None:
    """Dark on light, and light on dark."""
    backs = []
    for scheme in ("light", "dark"):
        page = Visit(browser, color_scheme=scheme).to(folder / "index.html")
        backs.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert backs[0] == "rgb(255, 255, 255)" != backs[1]


def test_a_printed_table_is_whole(browser: Any, folder: Path) -> None:
    """No box and no margin of the paper (A4 on its side, less 12 mm on each side) cuts it, no number is broken, and what only
    works on a screen is away; a printed chart has its table below it."""
    page = Visit(browser, width=1032).to(sorted(folder.glob("pairs/*.html"))[0])
    drawn(page)
    page.emulate_media(media="print")
    assert page.locator("svg.plot").is_visible() and page.locator("table.forest").bounding_box()["width"] <= 1032
    page.goto((folder / "index.html").as_uri())
    assert page.locator("table.board").bounding_box()["width"] <= 1032
    lines = page.locator("table.board td:has(i)").evaluate_all(
        "all => all.map(one => { const text = document.createRange(); text.selectNode(one.firstChild); return text.getClientRects().length; })"
    )
    assert set(lines) == {1}
    assert page.evaluate("getComputedStyle(document.querySelector('.wide')).overflow") == "visible"
    assert page.locator(".filters").is_hidden()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Any, folder: Path, scheme: str) -> None:
    """Of all that axe-core knows to be a barrier, in each kind of page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    visit = Visit(browser, color_scheme=scheme, bypass_csp=True)
    for path in each(folder):
        drawn(visit.to(path))
        found = axe.run(visit.page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == [], path
    visit.page.context.close()
