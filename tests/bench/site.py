"""`python -m tests.bench site`: the result site of 300 models, and two models compared on 70,000 questions, as whole processes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import table

sys.path.append(str(Path(__file__).parents[1] / "site"))

MODELS = 300
PAIRS = 70_000
FIRST_PAGE = 500  # kB


def main() -> int:
    """Measures both."""
    with tempfile.TemporaryDirectory(prefix="evalctl-bench-") as folder:
        table.write(rows(Path(folder), 3))
    return 0


def rows(folder: Path, runs: int) -> list[table.Row]:
    """The site, its first page, and the comparison."""
    return [*_site(folder, runs), *_compare(folder, 2 * runs)]


def _site(folder: Path, runs: int) -> list[table.Row]:
    from planted_site import names

    root = _planted(folder / "models", list(names(MODELS)), 40)
    pages = folder / "pages"
    done = [table.run(root, "results", "site", "-o", str(pages)) for _ in range(runs)]
    size = f"site, {MODELS} models x {_tasks(root)} tasks"
    first = (pages / "index.html").stat().st_size / 1000
    return [
        table.seconds(size, done, 10),
        table.memory(size, done, 300),
        table.Row("... its first page", f"{first:.0f} kB", f"{FIRST_PAGE} kB", first <= FIRST_PAGE),
    ]


def _compare(folder: Path, runs: int) -> list[table.Row]:
    from planted_site import tables

    models = ["lab/one", "lab/other"]
    asked = _questions(_planted(folder / "small", models, 1))
    root = _planted(folder / "pair", models, -(-PAIRS // asked))
    done = [table.run(root, "results", "compare", *models) for _ in range(runs)]
    size = f"compare, 2 models x {len(tables(root)[1])} tasks, {_questions(root):,} questions"
    return [table.seconds(size, done, 1), table.memory(size, done, 150)]


def _planted(root: Path, models: list[str], questions: int) -> Path:
    """By another process: on Linux the peak memory of a child is at least that of this one, also after exec."""
    repository = Path(__file__).parents[2]
    table.measured([sys.executable, "-m", "tests.bench.site", str(root), str(questions), *models], repository)
    return root


def _tasks(root: Path) -> int:
    return len({path.parent.name for path in root.glob("results/**/result.json")})


def _questions(root: Path) -> int:
    """Of all question sets: a line each, below a head."""
    return sum(path.read_text(encoding="utf-8").count("\n") - 1 for path in root.glob("results/questions/*.tsv"))


if __name__ == "__main__":
    from planted_site import planted

    planted(Path(sys.argv[1]), sys.argv[3:], int(sys.argv[2]))
