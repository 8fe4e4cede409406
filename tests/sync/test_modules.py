"""Every job of a service sources the set-up file of its modules: only root and the evaluator may be able to change it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from evalctl.doctor import checks
from evalctl.model.run import Action
from evalctl.sync.modules import setup_problem
from evalctl.sync.sync import sync

from .world import Clone, World, git, make_eval, make_job, plan, service


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A set-up file in a folder of its own, as a site has it."""
    made = tmp_path / "profile.d/modules.sh"
    made.parent.mkdir(mode=0o755)
    made.parent.chmod(0o755)
    made.write_text("module() { :; }\n")
    made.chmod(0o644)
    return made


@pytest.mark.parametrize("name", ["modules.sh", ""])
@pytest.mark.parametrize("mode", [0o002, 0o020])
def test_what_others_can_write_is_named_with_what_to_type(file: Path, name: str, mode: int) -> None:
    """The file itself and the folder where it could be replaced; by everybody, and by a group that is not root's."""
    place = file.parent / name if name else file.parent
    if mode == 0o020:
        group = next((one for one in [*os.getgroups(), 12345] if one), 0)
        if os.geteuid() != 0 and group not in os.getgroups():
            pytest.skip("this user has no group but root's")
        os.chown(place, -1, group)
    assert setup_problem(str(file)) == ""
    place.chmod(place.stat().st_mode | mode)
    assert setup_problem(str(file)).endswith(f": chown root {place}; chmod go-w {place}")


def test_another_users_file_and_one_behind_a_link_are_named(file: Path, tmp_path: Path) -> None:
    """A link of root's to a file that everybody can write helps nothing; one of another user's is that user's to change."""
    link = tmp_path / "link.sh"
    link.symlink_to(file)
    assert setup_problem(str(link)) == ""
    file.chmod(0o666)
    assert str(file) in setup_problem(str(link))
    file.chmod(0o644)
    if os.geteuid() == 0:
        os.chown(file, 12345, -1)
        assert "its owner, user 12345" in setup_problem(str(link))


def test_a_file_that_is_on_the_nodes_alone_is_the_jobs_business(tmp_path: Path) -> None:
    """The job ends with `module-missing` where it is not there."""
    assert setup_problem(str(tmp_path / "none")) == setup_problem(None) == ""


def test_nothing_is_submitted_to_source_it_and_the_doctor_names_it(clone: Clone, world: World, file: Path) -> None:
    """Before anything is claimed; once it is closed, the job runs without a retry."""
    job = make_job(make_eval("arithmetic"))
    clone.add_script(job)
    git(clone.root, "push", "-q")
    clone.service = service(modules_init=str(file))
    file.chmod(0o666)
    (step,) = sync(clone.context(), plan(job)).steps
    assert (step.action, step.reason) == (Action.STOP, "modules-init-writable")
    assert f"chmod go-w {file}" in step.detail and "modules_init" in step.detail
    assert world.state()["jobs"] == {}
    (found,) = checks.modules(clone.context())
    assert (found.good, f"chmod go-w {file}" in found.help) == (False, True)
    file.chmod(0o644)
    (found,) = checks.modules(clone.context())
    assert found.good
    assert [one.reason for one in sync(clone.context(), plan(job)).steps] == ["never-submitted"]
