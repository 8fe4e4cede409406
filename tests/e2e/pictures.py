"""Makes the pictures of README.md from real results, those of `make demo` and of a second model that tests/e2e measures:

    make demo && .venv/bin/python -m tests.e2e.pictures

It needs tests/site/requirements.lock and a Chromium (`apt-get install chromium-headless-shell`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tests.e2e.conftest import REPOSITORY, Demo
from tests.e2e.second_model import KNOWING, measure

FOLDER = REPOSITORY / "docs/pictures"
# Of each picture the page, what is opened there, and its height.
PICTURES = {"leaderboard": ("index.html", "details.drawn summary", 780), "comparison": ("pairs/*.html", "", 760)}


def main() -> None:
    """Measures the second model where that has not been done, and writes both pictures."""
    demo = Demo((REPOSITORY / ".evalctl/demo").resolve(), dict(os.environ))
    if not (demo.root / f"results/hosted_vllm/{KNOWING}").exists():
        measure(demo)
    with tempfile.TemporaryDirectory() as folder:
        done = demo.evalctl("results", "site", "-o", folder)
        assert done.returncode == 0, done.stderr
        _pictures(Path(folder))


def _pictures(site: Path) -> None:
    from playwright import sync_api

    FOLDER.mkdir(exist_ok=True)
    with sync_api.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=shutil.which("chromium-headless-shell"), args=["--no-sandbox"]
        )
        for name, (pattern, opened, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1200, "height": height}, color_scheme="light")
            page.goto(next(site.glob(pattern)).as_uri())
            if opened:
                page.locator(opened).click()
            page.locator("svg.plot").first.wait_for()
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
