"""Measures answers by the framework's own function for code, as its metrics do: questions come on stdin, outcomes go to stdout.

python run_answers.py MODULE
"""

from __future__ import annotations

import json
import sys
from importlib import import_module


def main() -> None:
    """Each question has `answers`, `inputs`, `outputs`, and a function's name where it is called."""
    measures, questions = import_module(sys.argv[1]), json.load(sys.stdin)
    for name in (
        "pandas",
        "scipy.special",
        "sympy",
    ):  # as in the framework's process; a busy machine takes seconds to load them
        import_module(name)
    samples = [
        {
            "input_output": json.dumps(
                {name: one[name] for name in ("inputs", "outputs", "fn_name", "check_fn") if name in one}
            )
        }
        for one in questions
    ]
    metrics, outcomes = measures.codegen_metrics(
        samples, [one["answers"] for one in questions], k_list=[1], num_process_evaluate=4, timeout=2
    )
    found = [metrics["pass@1"], {number: outcomes[number] for number in sorted(outcomes)}]
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
