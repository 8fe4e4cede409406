"""Puts lighteval's client for litellm on the way to the job's relay, as soon as it is imported.

Its module is `lighteval.models.endpoints.litellm_model` (0.13.0), in the fork of 0.8 `lighteval.models.litellm_model`. Nothing in it is
changed on disk. Two things are changed once it is loaded:

- lighteval 0.13.0 gives litellm a cache on disk, and no setting prevents that (seen with litellm 1.101.0). Equal prompts of one task then
  get one answer, although each is a sample of its own, and an answer may come from a run with other settings. The cache is taken away.
- In a job, all questions of a call are sent to the relay at once: `evalctl_job.framework_calls`.

`lighteval_client.pth` makes each Python of the environment load this module; lighteval is not loaded before somebody asks for it.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

CLIENTS = ("lighteval.models.endpoints.litellm_model", "lighteval.models.litellm_model")


class Loader(SourceFileLoader):
    """Loads the client unchanged, and then changes those two things."""

    def exec_module(self, module):
        super().exec_module(module)
        module.litellm.cache = None
        from evalctl_job.framework_calls import attach

        attach(module)


class Finder:
    """Finds the client where it is, and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name in CLIENTS else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder)
