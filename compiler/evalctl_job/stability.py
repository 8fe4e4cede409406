"""How each answer of a task ended, from the relay's file of answers, for the questions in the details files of a framework.

The relay has the end, the text and the reasoning of every reply as the model's server gave them; both dialects ask through it.
A row of a details file has the prompt and the texts that were scored. They are joined by prompt and text; where a framework
changed one of the two, by the text alone if all replies with it ended alike, else by the prompt alone if exactly as many
replies as texts are left of it. An answer that none of these finds is `unknown`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalctl_job import ends
from evalctl_job.answers import read_record
from evalctl_job.choices import Choice, described, prompt_digest
from evalctl_job.ends import KINDS, Ends
from evalctl_job.framework_output import flat
from evalctl_job.looping import loop
from evalctl_job.replies import LENGTH, read_choice

# Marks around reasoning that no parser removed: how it begins, and the first sign that it ended. Of observed.REASONING_MARKS those that
# come in pairs, as the parsers in vLLM 0.32 (vllm/reasoning) have them; an answer of gpt-oss begins with its last channel.
PAIRS = (
    ("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<|channel|>analysis", "<|channel|>final"), ("<|channel>", "<channel|>"),
    ("◁think▷", "◁/think▷"), ("<seed:think>", "</seed:think>"), ("<mm:think>", "</mm:think>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"), ("<|open|>think<|sep|>", "<|close|>think<|sep|>"), ("<ifm|think", "</ifm|think"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"), ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("Here is my thought process:", "my response:"), ("Here's my thought process:", "my response:"),
    ("<reasoning>", "</reasoning>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>"),
)  # fmt: skip
Prompt = str  # its digest
Text = int  # its hash: texts may be many megabytes
Found = frozenset[str]  # the kinds of an answer


@dataclass(frozen=True, slots=True)
class Asked:
    """A row of a details file: its prompt, and the texts that were scored."""

    prompt: Prompt
    texts: tuple[str, ...]


def kinds(choice: Mapping[str, Any]) -> Found:
    """Of a reply's choice, as `read_choice` returns it."""
    answer = described(choice)
    found = {
        ends.CUT_OFF: answer.finish_reason == LENGTH,
        ends.UNENDED: is_unended(answer) and not has_refused(choice),
        ends.REFUSED: has_refused(choice),
        ends.REPEATS: loop((answer.reasoning or "") + answer.text) is not None,
    }
    return frozenset(kind for kind, there in found.items() if there)


def is_unended(answer: Choice) -> bool:
    """Whether all of it is reasoning: beside an answer without text, or after a mark that no other one ends.

    Where a chat template opens the reasoning and no parser is configured, a text without any mark does not say it.
    """
    if answer.reasoning and not answer.text.strip():
        return True
    text = answer.text.lstrip()
    return any(text.startswith(begin) and end not in text for begin, end in PAIRS)


def has_refused(choice: Mapping[str, Any]) -> bool:
    """Whether the reply says so itself: the field `refusal` of OpenAI's API. Words of an answer are no proof."""
    message = choice.get("message")
    refusal = message.get("refusal") if isinstance(message, dict) else None
    return isinstance(refusal, str) and bool(refusal.strip())


def ends_of(details: Iterable[Path], answers: Path, filtered: Collection[Prompt] | None = ()) -> Ends:
    """Of the questions in these files, in their order. `filtered` are the prompts whose answers the provider withheld; None: not known."""
    rows = [row for path in details for row in asked(path)]
    found = _Replies(answers).joined(rows)
    counts = {kind: [0] * len(rows) for kind in KINDS}
    for place, (row, each) in enumerate(zip(rows, found, strict=True)):
        for text, one in zip(row.texts, each, strict=True):
            for kind in _of_text(row, text, one, filtered):
                counts[kind][place] += 1
    return Ends(
        tuple(len(row.texts) for row in rows), {kind: tuple(made) for kind, made in counts.items() if any(made)}
    )


def _of_text(row: Asked, text: str, found: Found | None, filtered: Collection[Prompt] | None) -> Found:
    """The relay gives an empty text where there is no answer and the request allows it."""
    if found is None and (text or filtered is None):
        return frozenset({ends.UNKNOWN})
    if text:
        return found or frozenset()
    return frozenset(
        {ends.EMPTY, *(found or ()), *([ends.REFUSED] if found is None and row.prompt in (filtered or ()) else [])}
    )


def asked(path: Path) -> Iterator[Asked]:
    """The rows of a details file."""
    from pyarrow.parquet import ParquetFile  # slow, and only needed where details are

    file = ParquetFile(path)
    fork = "predictions" in file.schema_arrow.names
    columns = ["full_prompt", "predictions"] if fork else ["model_response.input", "model_response.text"]
    for batch in file.iter_batches(batch_size=64, columns=columns):
        for row in batch.to_pylist():
            answered = row if fork else row["model_response"]
            prompt, texts = (answered[name] for name in (("full_prompt", "predictions") if fork else ("input", "text")))
            yield Asked(_prompt(prompt), tuple(text or "" for text in flat(texts)))


def _prompt(kept: Any) -> Prompt:
    return prompt_digest({"messages": kept} if isinstance(kept, list) else {"prompt": kept})


class _Replies:
    """All choices of a file of answers, by prompt and text."""

    def __init__(self, path: Path) -> None:
        self._found: list[Found] = []
        self._exact: dict[tuple[Prompt, Text], list[int]] = defaultdict(list)
        self._with_text: dict[Text, set[Found]] = defaultdict(set)
        self._of_prompt: dict[Prompt, list[int]] = defaultdict(list)
        self._used: set[int] = set()
        for prompt, choice in _choices(path):
            self._add(prompt, described(choice), kinds(choice))

    def _add(self, prompt: Prompt, answer: Choice, found: Found) -> None:
        number = len(self._found)
        self._found.append(found)
        self._of_prompt[prompt].append(number)
        # The reasoning of an answer without text is its text where a request's `null_content` or a framework wants it so.
        for text in {answer.text, answer.text or answer.reasoning or ""}:
            self._exact[prompt, hash(text)].append(number)
            self._with_text[hash(text)].add(found)

    def joined(self, rows: Sequence[Asked]) -> list[list[Found | None]]:
        """The kinds of each text of each row; None where no reply is known to be it."""
        made = [[self._exactly(row.prompt, hash(text)) for text in row.texts] for row in rows]
        lacking = [
            (number, place)
            for number, row in enumerate(rows)
            for place, text in enumerate(row.texts)
            if text and made[number][place] is None
        ]
        left = self._left([rows[number].prompt for number, _ in lacking])
        for number, place in lacking:
            prompt, text = rows[number].prompt, rows[number].texts[place]
            made[number][place] = left[prompt].pop(0) if prompt in left else self._by_text(hash(text))
        return made

    def _by_text(self, text: Text) -> Found | None:
        """Of a text whose prompt a framework changed or wrote otherwise, as of several turns, if all replies with it ended alike."""
        alike = self._with_text.get(text, set())
        return next(iter(alike)) if len(alike) == 1 else None

    def _left(self, lacking: Sequence[Prompt]) -> dict[Prompt, list[Found]]:
        """The replies that no text has, of the prompts of which as many texts lack a reply."""
        left = {
            prompt: [self._found[one] for one in self._of_prompt.get(prompt, ()) if one not in self._used]
            for prompt in lacking
        }
        return {prompt: left[prompt] for prompt, number in Counter(lacking).items() if len(left[prompt]) == number}

    def _exactly(self, prompt: Prompt, text: Text) -> Found | None:
        """Several equal texts have as many replies; a text that a framework kept several times has one."""
        there = self._exact.get((prompt, text))
        if not there:
            return None
        number = next((one for one in there if one not in self._used), there[0])
        self._used.add(number)
        return self._found[number]


def _choices(path: Path) -> Iterator[tuple[Prompt, Mapping[str, Any]]]:
    """Each choice that is an answer, with the prompt of its request; lines that cannot be read are counted by the relay."""
    with path.open("rb") as lines:
        for line in lines:
            try:
                read = read_record(line)
                prompt = prompt_digest(read["body"])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue
            yield from ((prompt, one) for raw in read["choices"] if isinstance(one := read_choice(raw), dict))
