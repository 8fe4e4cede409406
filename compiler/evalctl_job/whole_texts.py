"""The metrics that are no means over questions: a closed list, by the framework's task. Standard library only.

Every other score must be the mean of the values that the framework kept of each question; acceptance refuses it otherwise.
Seen: lighteval 0.13.0 and the fork lighteval-swallow 0.8; a test compares the list with their installed registries.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class WholeTexts:
    """Metrics of some tasks (both as patterns), and what each of them is computed from."""

    tasks: str
    metrics: tuple[str, ...]
    what: str


_TRANSLATED = "computed from the words of all answers together"
_FITTED = "an estimate by a model of all answers together"
_LIKELIHOOD = "computed from the likelihood of all texts together"
_CLASSES = "computed from the numbers of right and wrong answers of each class"
LISTED = (
    WholeTexts("wmt*:*", ("bleu", "bleu_lmevalja", "chrf", "ter"), _TRANSLATED),
    WholeTexts("japanese_mt_bench*", ("japanese_ratio_*",), "the share of Japanese characters in all answers together"),
    WholeTexts("bigbench:strategyqa", ("bleu",), _TRANSLATED),
    WholeTexts("bigbench:tellmewhy", ("bleu",), _TRANSLATED),
    WholeTexts("bigbench:topical_chat", ("bleu",), _TRANSLATED),
    WholeTexts("bigbench:social_support", ("f1",), _CLASSES),
    WholeTexts("glue:cola", ("mcc",), _CLASSES),
    WholeTexts("glue:mrpc", ("loglikelihood_f1",), _CLASSES),
    WholeTexts("glue:qqp", ("loglikelihood_f1",), _CLASSES),
    WholeTexts("super_glue:cb", ("mf1",), _CLASSES),
    WholeTexts("tiny:*", ("irt", "pirt", "gpirt"), _FITTED),
    WholeTexts("bold*", ("ppl",), _LIKELIHOOD),
    WholeTexts("lambada:*", ("ppl",), _LIKELIHOOD),
    WholeTexts("the_pile*", ("word_perplexity", "byte_perplexity", "bits_per_byte"), _LIKELIHOOD),
    WholeTexts("twitterAAE:*", ("word_perplexity", "byte_perplexity", "bits_per_byte"), _LIKELIHOOD),
    WholeTexts("wikitext*", ("word_perplexity", "byte_perplexity", "bits_per_byte"), _LIKELIHOOD),
    WholeTexts(
        "hle", ("accuracy", "confidence_half_width", "calibration_error"),
        "a percentage that is rounded, or a calibration over all answers",
    ),
    WholeTexts("emotion_classification", ("total_samples",), "the number of questions"),
)  # fmt: skip


def of_whole_texts(entry: str, metric: str) -> str:
    """What a metric of a framework's entry (`swallow|wmt20:en-ja|0`, `wmt14:de-en|0`) is computed from; "" for a mean."""
    return next((one.what for one in lines_of(entry, metric)), "")


def lines_of(entry: str, metric: str) -> list[WholeTexts]:
    """The lines of the list that name it."""
    task = task_of(entry)
    return [
        one for one in LISTED if fnmatchcase(task, one.tasks) and any(fnmatchcase(metric, each) for each in one.metrics)
    ]


def task_of(entry: str) -> str:
    """The task and subset in a framework's entry."""
    suite, *others = entry.split("|")
    return others[0] if others and not others[0].isdigit() else suite
