"""The HTML pages in a real browser as wide as a phone. Skipped where no Chromium is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evalctl.details import webpage
from evalctl.details.eval_answers import EvalAnswers
from evalctl.details.places import EvalPlace
from evalctl.results.answers import Answer, Graded, summed

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
PHONE = 390
# A window of headless Chromium is never narrower than 500 pixels (seen: 150); a frame in it is.
_FRAME = """<!DOCTYPE html><iframe srcdoc="{page}" style="width: {width}px; height: 800px; border: 0"></iframe><pre></pre>
<script>addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  page.querySelectorAll("details").forEach(one => one.open = true);
  const texts = [...page.querySelectorAll("body *:not(script)")].filter(one => one.textContent.trim() && one.getClientRects().length);
  const box = page.querySelector(".wide");
  document.querySelector("pre").textContent = JSON.stringify({{
    wide: root.scrollWidth, smallest: Math.min(...texts.map(one => parseFloat(getComputedStyle(one).fontSize))),
    box: box ? [box.scrollWidth, box.clientWidth] : null,
  }});
}});</script>"""


def seen(text: str, folder: Path) -> dict[str, object]:
    """What the browser makes of a page: its width, its smallest text, and what its table's box holds and shows."""
    file = folder / "frame.html"
    escaped = text.replace("&", "&amp;").replace('"', "&quot;")
    file.write_text(_FRAME.format(page=escaped, width=PHONE), encoding="utf-8")
    call = [
        str(CHROMIUM),
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}",
        "--dump-dom",
        file.as_uri(),
    ]
    printed = subprocess.run(call, capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.search(r"<pre>(.+?)</pre>", printed)
    assert found, printed[-2000:]
    return dict(json.loads(found[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium-headless-shell")
def test_the_page_of_answers_can_be_read_on_a_phone(tmp_path: Path) -> None:
    """Long words and lines of code wrap or scroll within their box."""
    answers = [
        Answer("質問" * 500, "x" * 5000, "考え" * 500, "stop", None, None, Graded("ja", 1, ("東京",), {"acc": 1.0}))
    ]
    place = EvalPlace("ja_mmlu", "f", None, (), model=f"publisher/{'Model-' * 12}")
    told = seen(webpage.page([EvalAnswers(place, summed(answers), answers, [], None, [])]), tmp_path)
    assert told["wide"] == PHONE and float(str(told["smallest"])) >= 16
