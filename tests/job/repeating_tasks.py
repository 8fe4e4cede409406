"""A task whose twelve questions are all the same: samples of one prompt, as a data set with duplicates has them."""

from evalctl_tasks.tasks import demo, exact, first_digit
from lighteval.tasks.requests import Doc


def same_question(line: dict, task_name: str) -> Doc:
    """Whatever the line asks."""
    return Doc(task_name=task_name, query="数字を一つ書いてください。", choices=[line["answer"]], gold_index=0)


TASKS_TABLE = [demo("demo_arithmetic", None, same_question, [exact("exact_match", first_digit)], 24)]
