"""The fence around model-written code (HumanEval, LiveCodeBench): what the code of a model's answer cannot reach.

    framework process ── attach: its `run_test` asks, and waits
      └ runner        a new program without the framework's variables and memory; it has loaded what measures
          └ minder    one for each run: makes the fence, waits, ends everything that the run has left
              └ code  behind the fence: the framework's own `run_test`, its time limits unchanged

Of two kinds the first that the kernel grants: `namespaces` (user, mounts, processes, network, IPC; `space`) or `landlock` (`landlock`).
Both get the filter of system calls (`filter`), the limits (`limits`) and only the files of `view`. `offer` finds out by entering.
Nothing here is imported by evalctl but `words`.
"""
