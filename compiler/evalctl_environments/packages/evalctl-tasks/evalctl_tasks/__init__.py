"""Small question sets, written for evalctl, that a tiny model on a CPU can be asked within seconds.

`lighteval endpoint litellm … --custom-tasks evalctl_tasks.tasks` knows them (`evalctl_tasks.swallow` in the fork); the
questions are in `questions/`, one JSON object a line: `<task>.jsonl`, or `<task>.<subset>.jsonl` for a task with subsets.
Nothing is downloaded.
"""

__version__ = "0.1.0"
