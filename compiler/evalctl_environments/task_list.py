"""Prints the tasks that an environment's framework has, a line each: NAME, what it needs of a server, whether it runs code (README.md).

Run by the environment's own Python: it imports lighteval (0.13, or the Swallow fork of 0.8), which evalctl never does.
"""

import sys
from collections.abc import Iterator
from typing import Any

_WRITES = ("GENERATIVE", "LLM_AS_JUDGE")  # every other category of either release reads log-probabilities


def upstream() -> dict[str, list[Any]]:
    """lighteval 0.13: names without a suite; the multilingual ones need an option that evalctl does not give."""
    from lighteval.tasks.registry import Registry

    return {name: list(config.metrics) for name, config in Registry.load_all_task_configs().items()}


def fork() -> dict[str, list[Any]]:
    """The fork of 0.8: the suite `swallow`, the only one that evalctl calls."""
    from lighteval.metrics.metrics import Metrics
    from lighteval.tasks.registry import Registry

    def metric(given: Any) -> Any:
        found = Metrics[given] if isinstance(given, str) else given
        return getattr(found, "value", found)

    return {
        name.partition("|")[2]: [metric(one) for one in lazy.args[1].metric]
        for name, lazy in Registry().task_registry.items()
        if name.startswith("swallow|")
    }


def lines(tasks: dict[str, list[Any]]) -> Iterator[str]:
    """In alphabetical order, so that a new list differs where the tasks do."""
    for task, metrics in sorted(tasks.items()):
        writes = all(metric.category.name.startswith(_WRITES) for metric in metrics)
        yield f"{task} {'answers' if writes else 'logprobs'}{' code' if any(map(runs_code, metrics)) else ''}"


def runs_code(metric: Any) -> bool:
    """Whether it runs code that the model wrote: its module uses the one function of either release that does."""
    function = metric.sample_level_fn
    function = getattr(function, "func", function)  # of a partial
    return hasattr(sys.modules.get(getattr(function, "__module__", "")), "codegen_metrics")


if __name__ == "__main__":
    import lighteval.tasks.registry as registry

    swallow = hasattr(registry, "swallow_task_module")
    found = lines(fork() if swallow else upstream())
    sys.stdout.write("".join(f"{line}\n" for line in (f"# {sys.argv[1]}", *found)))
