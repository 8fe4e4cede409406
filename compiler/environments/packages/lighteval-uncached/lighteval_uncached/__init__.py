"""Switches off the cache that lighteval puts in front of the model.

lighteval's client for litellm gives it a cache on disk while it is imported, and no setting prevents that (seen:
lighteval 0.13.0, litellm 1.101.0). Equal prompts of one task then get one answer, although each is a sample of its own, and
an answer may come from a run with other settings. Here the cache is taken away again as soon as that client has been
loaded: every question reaches the relay, which knows what was answered. `lighteval_uncached.pth` makes each Python of
the environment load this module; lighteval is not loaded before somebody asks for it.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

CLIENT = "lighteval.models.endpoints.litellm_model"


class Loader(SourceFileLoader):
    """Loads the client as ever, and then leaves litellm without a cache."""

    def exec_module(self, module):
        super().exec_module(module)
        module.litellm.cache = None


class Finder:
    """Finds the client where it lies, and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name == CLIENT else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder)
