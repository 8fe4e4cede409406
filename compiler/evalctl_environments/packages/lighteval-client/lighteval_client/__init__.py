"""Changes two modules of lighteval as soon as they are imported. Nothing in them is changed on disk.

The client for litellm is `lighteval.models.endpoints.litellm_model` (0.13.0), in the fork of 0.8 `lighteval.models.litellm_model`:

- lighteval 0.13.0 gives litellm a cache on disk, and no setting prevents that (seen with litellm 1.101.0). Equal prompts of one task then
  get one answer, although each is a sample of its own, and an answer may come from a run with other settings. The cache is taken away.
- In a job, all questions of a call are sent to the relay at once: `evalctl_job.framework_calls`.

What runs model-written code is `lighteval.tasks.tasks.lcb.codegen_metrics`, in the fork `lighteval.tasks.extended.lcb.codegen_metrics`: in
a job each run stands behind a fence, `evalctl_job.fence`.

`lighteval_client.pth` makes each Python of the environment load this module; lighteval is not loaded before somebody asks for it.
"""

import sys
from importlib.machinery import PathFinder, SourceFileLoader

CLIENTS = ("lighteval.models.endpoints.litellm_model", "lighteval.models.litellm_model")
MEASURES = ("lighteval.tasks.tasks.lcb.codegen_metrics", "lighteval.tasks.extended.lcb.codegen_metrics")


class Loader(SourceFileLoader):
    """Loads the module unchanged, and then changes what is said above."""

    def exec_module(self, module):
        super().exec_module(module)
        if module.__name__ in MEASURES:
            from evalctl_job.fence.attach import attach
        else:
            from evalctl_job.framework_calls import attach

            module.litellm.cache = None
        attach(module)


class Finder:
    """Finds these modules where they are, and nothing else."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        spec = PathFinder.find_spec(name, path, target) if name in (*CLIENTS, *MEASURES) else None
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


sys.meta_path.insert(0, Finder)
