"""A node kind that nobody names is chosen by expected cost, and the plan shows what the others would cost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from samples import Compiled, base_texts, card_file, compiled

from evalctl.model.evaluation import Job
from evalctl.model.plan_file import PlannedKind
from evalctl.plan.kinds_text import placed
from evalctl.plan.summary import _job

SERVICES = Path(__file__).parents[2] / "manifests" / "services"
TASKS = "[ja, en]"
GB = 10**9
SMALL = card_file()
MIDDLE = card_file(parameters=32 * GB, weight_bytes=65_500_000_000, layers=64, attention_heads=64)
LARGE = card_file(parameters=70 * GB, weight_bytes=141 * GB, layers=80, attention_heads=64)


def done(service: str, facts: dict[str, str], more: str = "", change: tuple[str, str] = ("", "")) -> Compiled:
    """A request on one of the lab's services, whose file is changed."""
    text = re.sub(change[0], change[1], (SERVICES / f"{service}.yaml").read_text(encoding="utf-8"))
    files = {**facts, f"manifests/services/{service}.yaml": text}
    return compiled(f"model: lab/small-8B\nservice: {service}\ntasks: {TASKS}\n{more}", files)


def job(service: str, facts: dict[str, str], more: str = "", change: tuple[str, str] = ("", "")) -> Job:
    """The first of its jobs."""
    compiled = done(service, facts, more, change)
    assert compiled.jobs, compiled.problems
    return compiled.jobs[0]


def kind(found: Job, name: str) -> PlannedKind:
    """What the job would cost on this node kind."""
    return next(one for one in found.kinds if one.node_kind == name)


@pytest.mark.parametrize(
    ("service", "facts", "chosen", "copies"),
    [
        ("tsubame", SMALL, "gpu_1", (1, 1)),  # the same GPU as node_q for a fifth less
        ("abci", SMALL, "rt_HG", (1, 1)),
        ("abci", MIDDLE, "rt_HG", (1, 1)),  # rt_HF could cost 1,605 points
        ("tsubame", MIDDLE, "node_h", (2, 1)),  # gpu_1 holds too few answers: longer than the table allows
        ("tsubame", LARGE, "node_f", (4, 1)),
        ("abci", LARGE, "rt_HF", (2, 4)),
    ],
)
def test_the_kind_with_the_least_expected_cost_is_chosen(
    service: str, facts: dict[str, str], chosen: str, copies: tuple[int, int]
) -> None:
    """Among those that hold the model."""
    found = job(service, facts)
    assert (found.node_kind, found.server.tensor_parallel, found.server.data_parallel) == (chosen, *copies)


def test_a_request_and_a_service_may_name_the_kind() -> None:
    """An older service file says what it always said; the kinds beside it are compared all the same."""
    assert job("tsubame", SMALL, "node_kind: node_f\n").node_kind == "node_f"
    older = ("api: ", "small_model: node_q\nlarge_model: node_f\napi: ")
    found = job("tsubame", SMALL, change=older)
    assert found.node_kind == "node_q" and kind(found, "gpu_1").expected < kind(found, "node_q").expected  # type: ignore[operator]
    assert job("tsubame", LARGE, change=("api: ", "small_model: node_q\napi: ")).node_kind == "node_f"


def test_the_chosen_kind_is_first_and_the_others_are_by_cost() -> None:
    """With hours, cost, GPUs and copies; what cannot be compared is last, with its reason."""
    found = job("tsubame", LARGE)
    assert [one.node_kind for one in found.kinds] == ["node_f", "node_h", "node_q", "gpu_1"]
    expected = [one.expected for one in found.kinds[:2]]
    assert expected[0] is not None and expected[1] is not None and expected[0] < expected[1]
    assert [one.why for one in found.kinds] == ["", "", "the model does not fit", "the model does not fit"]
    assert all(one.basis == "assumed" and one.unit == "point" for one in found.kinds[:2])


def test_expected_and_worst_are_apart() -> None:
    """A prediction, and the table's limit; the estimate of the job is the same."""
    found = job("abci", SMALL)
    mine = kind(found, "rt_HG")
    assert mine.seconds is not None and mine.limit_seconds is not None and mine.seconds < mine.limit_seconds
    assert mine.expected is not None and mine.worst is not None and mine.expected < mine.worst
    assert found.estimate is not None and found.estimate.expected == mine.expected


def test_kinds_that_are_not_offered_are_not_chosen() -> None:
    """Nor told."""
    found = job("tsubame", SMALL, change=(r"gpu_1: \{", "gpu_1: {offered: false, "))
    assert found.node_kind == "node_q" and "gpu_1" not in [one.node_kind for one in found.kinds]


def test_a_price_that_is_missing_is_said_and_never_chosen() -> None:
    """It would be free otherwise."""
    found = job("tsubame", SMALL, change=(r"coefficient: 0.2,", ""))
    assert found.node_kind == "node_q"
    assert kind(found, "gpu_1").why == "its price (coefficient) is not in the service's file"
    assert kind(found, "gpu_1").expected is None


def test_without_any_price_gpu_hours_are_compared() -> None:
    """One copy on one GPU spends the fewest."""
    found = job("tsubame", SMALL, change=(r"coefficient: [\d.]+,", ""))
    assert {one.unit for one in found.kinds} == {"GPU-hour"} and found.estimate is None
    assert found.node_kind in ("gpu_1", "node_q") and found.kinds[0].expected == min(
        one.expected for one in found.kinds if one.expected is not None
    )


@pytest.mark.parametrize("price", ["0.0", "1.0"])
def test_where_all_prices_are_equal_gpu_hours_are_compared(price: str) -> None:
    """Else all GPUs of a node would work for a small model, since its name is the first or its hours are the fewest."""
    found = job("abci", SMALL, change=(r"coefficient: [\d.]+,", f"coefficient: {price},"))
    assert found.node_kind == "rt_HG" and {one.unit for one in found.kinds} == {"point"}


def test_a_kind_whose_longest_walltime_is_too_short_is_not_chosen() -> None:
    """Its tasks would be refused, or divided; where no kind is left, the cheapest is chosen all the same."""
    short = (r"gpu_1: \{", 'gpu_1: {max_walltime: "00:30:00", ')
    found = job("tsubame", SMALL, change=short)
    assert found.node_kind == "node_q"
    assert kind(found, "gpu_1").why == "its longest walltime is too short for a task"
    everywhere = (r"(gpu_1|node_\w): \{", r'\1: {max_walltime: "00:30:00", ')
    refused = done("tsubame", SMALL, "unanswered: 1\n", everywhere)
    assert job("tsubame", SMALL, change=everywhere).node_kind == "gpu_1"
    assert set(refused.codes()) == {"walltime-beyond-limit"} and "gpu_1" in refused.problems[0].message


@pytest.mark.parametrize(("listed", "chosen"), [("0", "gpu_1"), ('"2,3"', "gpu_2"), ('"0,1,2,3"', "gpu_4")])
def test_only_kinds_with_as_many_gpus_as_are_listed_are_candidates(listed: str, chosen: str) -> None:
    """On a machine without a scheduler, the request says which GPUs; a list that no kind has is refused."""
    more = f"cuda_visible_devices: {listed}\n"
    text = (SERVICES / "local.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(small|large)_model: .*\n", "", text)
    text = re.sub(r"(gpu_\d: \{gpus: \d),", r"\1, gpu: H100, gpu_memory_gb: 94,", text)
    request = f"model: lab/small-8B\nservice: local\ntasks: {TASKS}\n"
    files = {**SMALL, "manifests/services/local.yaml": text}
    found = compiled(request + more, files)
    assert found.jobs and found.jobs[0].node_kind == chosen, found.problems
    assert compiled(f'{request}cuda_visible_devices: "0,1,2"\n', files).codes() == ["gpu-list-mismatch"]


def test_the_prediction_of_a_debug_run_is_that_of_a_whole_run_and_says_so() -> None:
    """How many questions a task has is not known; the start alone takes 15 minutes and the time to load 16 GB."""
    texts = [placed(_job(job("abci", SMALL, more))) for more in ("max_samples: 20\n", "")]
    assert ["of a whole run (with max_samples less: at least the start, 0:15:16)" in text for text in texts] == [
        True,
        False,
    ]


def test_a_gpu_that_is_not_known_has_no_prediction() -> None:
    """Then all kinds are compared by the table's limit, and say so."""
    found = job("tsubame", SMALL, change=(r"node_f: \{gpus: 4, gpu: H100", "node_f: {gpus: 4, gpu: X1"))
    assert {one.basis for one in found.kinds} == {"limit"}
    assert all(one.seconds == one.limit_seconds for one in found.kinds)


def test_without_memory_a_kind_must_be_named() -> None:
    """Nobody knows what fits; a kind that does not say its memory is left out beside others that do."""
    nowhere = done("tsubame", SMALL, change=(r"gpu_memory_gb: \d+,", ""))
    (found,) = nowhere.problems
    assert found.code == "no-node-kind" and "gpu_memory_gb" in found.message
    assert found.help == "add `node_kind:` to the request: node_f, node_h, node_q, gpu_1"
    one = job(
        "tsubame", SMALL, change=(r"gpu_1: \{gpus: 1, gpu: H100, gpu_memory_gb: 94,", "gpu_1: {gpus: 1, gpu: H100,")
    )
    assert one.node_kind == "node_q" and kind(one, "gpu_1").why == "gpu_memory_gb is not in the service's file"


def test_a_service_without_gpus_serves_nothing() -> None:
    """In words of its own."""
    (found,) = done("tsubame", SMALL, change=(r"gpus: \d", "gpus: 0")).problems
    assert (found.code, found.message) == ("no-node-kind", "tsubame offers no node kind that serves models")


def test_a_model_that_fits_nowhere_is_told_of_the_largest_kind() -> None:
    """With the numbers, as for a named kind."""
    (found,) = done("abci", card_file(weight_bytes=2000 * GB)).problems
    assert found.code == "model-does-not-fit" and "rt_HF" in found.message


def test_the_choice_depends_on_the_work() -> None:
    """A short task is not worth the start of a large node; its time is the start's."""
    text = "model: lab/small-8B\nservice: abci\ntasks: [ja]\n"
    files = {"manifests/services/abci.yaml": (SERVICES / "abci.yaml").read_text(encoding="utf-8")}
    found = compiled(text, files).jobs[0]
    assert found.node_kind == "rt_HG" and found.kinds[0].expected < kind(found, "rt_HF").expected  # type: ignore[operator]


def test_models_that_others_serve_have_no_kinds() -> None:
    """They run where the service says."""
    text = "model: org/m\nprovider: deepinfra\nservice: tsubame\ntasks: [en_own]\n"
    (found,) = compiled(text, {"manifests/services/tsubame.yaml": base_texts()["manifests/services/tsubame.yaml"]}).jobs
    assert found.kinds == ()
