"""Lets the fork of lighteval be imported without a network.

Two of its modules ask the Hub, while they are imported, which parts LiveCodeBench has: every run of any task would need
the network. Here `datasets` answers that one question itself, and hands every other one on. `swallow_offline.pth` makes
each Python of the environment load this module; `datasets` is not loaded before somebody asks for it.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

LIVE_CODE_BENCH = "livecodebench/code_generation_lite"
RELEASES = range(1, 7)
# what the data set's own script offers: releases, which grow; single steps; and spans of steps (seen: release 6)
PARTS = (
    "release_latest",
    *(f"release_v{release}" for release in RELEASES),
    *(f"v{step}" for step in RELEASES),
    *(f"v{first}_v{last}" for first in RELEASES for last in RELEASES if first < last),
)


def knowing(ask):
    """`ask`, the question for the parts of a data set, with the answer for LiveCodeBench known."""

    def get_dataset_config_names(path, *others, **settings):
        return list(PARTS) if path == LIVE_CODE_BENCH else ask(path, *others, **settings)

    return get_dataset_config_names


class Loader(SourceFileLoader):
    """Loads `datasets` as ever, and then replaces that one function."""

    def exec_module(self, module):
        super().exec_module(module)
        module.get_dataset_config_names = knowing(module.get_dataset_config_names)


class Finder:
    """Finds `datasets` where it lies, and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name == "datasets" else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder)
