"""Adds to the wheel what `evalctl init` writes into a new repository: this repository's own catalogue and workflows."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Read in place by an editable installation (evalctl.new_repository.shipped), which this command does not copy.
SHIPPED = (
    "manifests/README*.md", "manifests/models/template.yaml", "manifests/models/common_settings.yaml",
    "manifests/services/*.yaml", "manifests/tasks/*",
    ".github/CODEOWNERS", ".github/pull_request_template.md", ".github/ISSUE_TEMPLATE/*",
    ".github/workflows/comment.yml", ".github/workflows/gates.yml", ".github/workflows/pull-request.yml", ".github/workflows/site.yml",
)  # fmt: skip


class BuildWithShipped(build_py):
    """Copies the shipped files beside the module that reads them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        top = Path(self.build_lib, "evalctl", "new_repository", "shipped")
        for path in sorted(path for pattern in SHIPPED for path in Path().glob(pattern)):
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, top / path)


setup(cmdclass={"build_py": BuildWithShipped})
