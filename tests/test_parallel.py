"""Work on several processors gives what one processor gives."""

from __future__ import annotations

import os

import pytest

from evalctl import parallel
from evalctl.parallel import mapped


@pytest.fixture(autouse=True)
def _three_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


def test_results_are_in_the_order_of_the_items() -> None:
    """Whatever process made them; several processes were at work."""
    made = mapped(lambda item: (item * item, os.getpid()), range(50), 10)
    assert [square for square, _ in made] == [item * item for item in range(50)]
    assert len({process for _, process in made}) == 3


@pytest.mark.parametrize("number", [0, 1, 2, 20])
def test_few_items_are_worked_on_here(number: int) -> None:
    """Another process would take longer than it saves."""
    assert set(mapped(lambda _: os.getpid(), range(number), 10)) <= {os.getpid()}


def test_an_error_in_another_process_is_raised_here() -> None:
    """The same error as without other processes, from the first item that has one."""

    def work(item: int) -> int:
        if item >= 30:
            raise ValueError(f"item {item}")
        return item

    with pytest.raises(ValueError, match="item 30"):
        mapped(work, range(50), 10)


def test_a_process_that_ends_early_loses_nothing() -> None:
    """A copy that the machine ends, for want of memory, say: its part is done again here."""
    here = os.getpid()
    made = mapped(lambda item: item if os.getpid() == here else os.kill(os.getpid(), 9), range(50), 10)
    assert made == list(range(50))


def test_a_limit_of_processes_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Login nodes have one; the second copy is refused here, the first has ended when the results are there."""
    fork, made = os.fork, list[int]()

    def limited() -> int:
        if made:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made.append(fork())
        return made[0]

    monkeypatch.setattr(os, "fork", limited)
    assert mapped(lambda item: item, range(50), 10) == list(range(50))
    with pytest.raises(ChildProcessError):
        os.waitpid(made[0], os.WNOHANG)


def test_no_process_is_left_behind() -> None:
    """Each copy has ended when the results are there."""
    processes = {process for _, process in mapped(lambda item: (item, os.getpid()), range(50), 10)} - {os.getpid()}
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)


def test_one_processor_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on systems where a copy of a process is not safe."""
    monkeypatch.setattr(parallel, "_processors", lambda: 1)
    assert set(mapped(lambda _: os.getpid(), range(50), 10)) == {os.getpid()}
