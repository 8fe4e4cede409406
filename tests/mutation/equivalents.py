"""Mutants that no test can notice, each with the reason: the changed line does the same for every input.

The command prints them apart from other survivors, and its table has the score with and without them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """A line of a module, what mutants make of it without effect, and why it has none."""

    line: str
    becomes: tuple[str, ...]
    why: str


_SHORT = r'if len(text) {} MOST_CHARACTERS {} counted or len(_RUN.sub(r"\1", text)) <= MOST_CHARACTERS * counted:'
EQUIVALENTS: dict[str, tuple[Equivalent, ...]] = {
    "decide": (
        *(
            Equivalent(
                f"{line.format(0)}",
                (f"{line.format(' -1')}",),
                "there is one: several that have not ended are a duplicate job, a row above",
            )
            for line in (
                "seen = live(e)[{}]",
                "return live(e)[{}].state.value",
                "return lambda e: bool(live(e)) and live(e)[{}].state in states",
            )
        ),
        Equivalent(
            "return [sighting for sighting in evidence.sightings if sighting.state is not State.ENDED]",
            ("return [sighting for sighting in evidence.sightings if sighting.state > State.ENDED]",),
            "of the states this one sorts first",
        ),
        Equivalent(
            'Rule(lambda e: e.attempts > 0 or e.retried, Action.SUBMIT, _is("retry"), _outcome),',
            ('Rule(lambda e: e.attempts != 0 or e.retried, Action.SUBMIT, _is("retry"), _outcome),',),
            "a count is not negative",
        ),
        Equivalent(
            "return e.attempt is not None and e.attempt.phase is Phase.CLAIMED and e.marks.started is None",
            ("return e.attempt is not None and e.attempt.phase <= Phase.CLAIMED and e.marks.started is None",),
            "of the phases this one sorts first",
        ),
    ),
    "quoting": (
        Equivalent(
            "@lru_cache(maxsize=8192)",
            ("", "@lru_cache(maxsize= 8191)", "@lru_cache(maxsize= 8193)"),
            "the function depends on its arguments alone: what a cache holds changes the time, not what is given",
        ),
        Equivalent(
            "@lru_cache(maxsize=8192)  # a thousand requests for the same tasks have the same arrays",
            (
                "",
                "@lru_cache(maxsize= 8191)  # a thousand requests for the same tasks have the same arrays",
                "@lru_cache(maxsize= 8193)  # a thousand requests for the same tasks have the same arrays",
            ),
            "the function depends on its arguments alone: what a cache holds changes the time, not what is given",
        ),
    ),
    "gridengine": (
        Equivalent(
            "re.MULTILINE | re.IGNORECASE,",
            (
                "re.MULTILINE + re.IGNORECASE,",
                "re.MULTILINE ^ re.IGNORECASE,",
            ),
            "the flags have no bit in common",
        ),
        Equivalent(
            "return reply.status == 0 or _GONE.search(reply.stdout + reply.stderr) is not None",
            ("return reply.status <= 0 or _GONE.search(reply.stdout + reply.stderr) is not None",),
            "a status below zero, of a command that was killed, is answered above",
        ),
    ),
    "pbs": (
        Equivalent(
            "if number == head or not name or letter not in _STATES:",
            ("if number >= head or not name or letter not in _STATES:",),
            "an id begins with a digit, which sorts before the J of `Job Id: `",
        ),
    ),
    "identity": (
        Equivalent(
            '_JSON = json.JSONEncoder(check_circular=False, sort_keys=True, separators=(",", ":"), ensure_ascii=False)',
            (
                '_JSON = json.JSONEncoder(check_circular=True, sort_keys=True, separators=(",", ":"), ensure_ascii=False)',
            ),
            "what is encoded is made here and never holds itself: the check costs time alone",
        ),
    ),
    "aggregate": (
        Equivalent(
            "if len(counts) != len(used) or sum(counts) <= 0:",
            ("if len(counts) < len(used) or sum(counts) <= 0:",),
            "the counts are some of the rows, never more",
        ),
        Equivalent(
            "return (found[0][1] if len(found) == 1 else MISSING), problems",
            ("return (found[ -1][1] if len(found) == 1 else MISSING), problems",),
            "there is one: the first is the last",
        ),
        Equivalent(
            "if len({task_name(scripts[task]) for task in found}) < len(found)",
            (
                "if len({task_name(scripts[task]) for task in found}) != len(found)",
                "if len({task_name(scripts[task]) for task in found}) is not len(found)",
            ),
            "a set of one name for each is never larger",
        ),
        Equivalent(
            "return sum(values) / len(values) if values and len(values) == len(found) else None",
            ("return sum(values) / len(values) if values and len(values) >= len(found) else None",),
            "the values are some of what was found, never more",
        ),
        Equivalent(
            "if len(tasks) > 1:",
            ("if len(tasks) != 1:",),
            "each of the servers gives a value, so there is one at least",
        ),
    ),
    "choices": (
        Equivalent(
            _SHORT.format("<=", "*"),
            (
                *(_SHORT.format("<=", sign) for sign in ["^", "%", ">>", "//", "+", "|", "/", "-", "&"]),
                *(_SHORT.format(sign, "*") for sign in ("<", "is", "==")),
            ),
            "the second part alone decides: its text is never longer; the first one saves its time",
        ),
        Equivalent(
            "first, size = found[-1] if found else (number, 0)",
            (
                "first, size = found[-1] if found else (number, -1)",
                "first, size = found[-1] if found else (number, 1)",
            ),
            "without a part before it, a number begins a part of one on either way",
        ),
        Equivalent(
            "if number == first + size and (max_n is None or size < max_n):",
            ("if number <= first + size and (max_n is None or size < max_n):",),
            "the numbers ascend, so that none is below the end of the last part",
        ),
        Equivalent(
            "if number == first + size and (max_n is None or size < max_n):",
            (
                "if number == first + size and (max_n is None or size != max_n):",
                "if number == first + size and (max_n is None or size is not max_n):",
            ),
            "a part grows by one, so that it reaches `max_n` and never passes it",
        ),
        Equivalent(
            'return self.text == ""',
            ('return self.text <= ""',),
            "no text is less than the empty one",
        ),
        Equivalent(
            'if "n" in body or n > 1:',
            ('if "n" in body or n != 1:',),
            "a part has one choice at least",
        ),
        Equivalent(
            "usage = costs[0] if len(costs) == 1 else total([cost for cost in costs if cost])",
            (
                "usage = costs[ -1] if len(costs) == 1 else total([cost for cost in costs if cost])",
                "usage = costs[0] if len(costs) <= 1 else total([cost for cost in costs if cost])",
            ),
            "a run has one choice at least, and of one the first is the last",
        ),
        Equivalent(
            'whole["usage"] = total(usages) if len(usages) > 1 else usages[0]',
            (
                'whole["usage"] = total(usages) if len(usages) != 1 else usages[0]',
                'whole["usage"] = total(usages) if len(usages) > 1 else usages[ -1]',
            ),
            "there is one at least, and of one the first is the last",
        ),
        Equivalent(
            "if count == 1 or not isinstance(usage, dict):",
            ("if count <= 1 or not isinstance(usage, dict):",),
            "a reply that is shared has one choice at least",
        ),
    ),
    "cost": (
        Equivalent(
            "if TYPE_CHECKING:",
            ("if not TYPE_CHECKING:",),
            "what is imported there stands in annotations only, which nothing evaluates",
        ),
    ),
    "placement": (
        Equivalent(
            "return (node.gpu_memory_gb or 0.0) * 1e9 * node.gpu_memory_utilization - RESERVED_BYTES",
            (
                "return (node.gpu_memory_gb or 1.0) * 1e9 * node.gpu_memory_utilization - RESERVED_BYTES",
                "return (node.gpu_memory_gb or -1.0) * 1e9 * node.gpu_memory_utilization - RESERVED_BYTES",
            ),
            "both callers ask only where the memory is known; the zero is for mypy",
        ),
        Equivalent(
            "def needed_bytes(card: ModelCard, max_model_length: int, copies: int = 1, server: Mapping[str, Any] = NOTHING) -> float:",
            (
                "def needed_bytes(card: ModelCard, max_model_length: int, copies: int = 0, server: Mapping[str, Any] = NOTHING) -> float:",
            ),
            "the larger of this and the heads counts, and a model has one head at least",
        ),
        Equivalent(
            "if card is None or place.node.gpus == 0 or not place.node.gpu_memory_gb:",
            ("if card is None or place.node.gpus <= 0 or not place.node.gpu_memory_gb:",),
            "a node kind has no negative number of GPUs (`model/service.py`)",
        ),
        Equivalent(
            "memory = node.gpu_memory_gb or 0",
            ("memory = node.gpu_memory_gb or 1", "memory = node.gpu_memory_gb or -1"),
            "a size is more than zero (`model/service.py`), and without one the node kind has no GPU: its memory is not looked at",
        ),
        Equivalent(
            "return next(tokens for least, tokens in BATCHED_TOKENS if (0 if smallest else memory) >= least)",
            ("return next(tokens for least, tokens in BATCHED_TOKENS if ( 1 if smallest else memory) >= least)",),
            "between 0 and 70 GiB the number of tokens is the same",
        ),
    ),
    "slurm": (
        Equivalent(
            "while place < len(text):",
            ("while place != len(text):",),
            "no match ends behind the text",
        ),
        Equivalent(
            "return reply.status == 0 or _GONE.search(reply.stderr) is not None",
            ("return reply.status <= 0 or _GONE.search(reply.stderr) is not None",),
            "a status below zero, of a command that was killed, is answered above",
        ),
    ),
    "ends": (
        Equivalent("return numbers[0]", ("return numbers[ -1]",), "all of them are the same"),
        Equivalent(
            "return tuple(number > 0 and not any(found) for number, *found in zip(self.answers, *kinds, strict=True))",
            (
                "return tuple(number != 0 and not any(found) for number, *found in zip(self.answers, *kinds, strict=True))",
            ),
            "a count is not negative",
        ),
        Equivalent(
            "beside = (0,) * questions if kind == UNKNOWN else unknown",
            ("beside = (0,) * questions if kind >= UNKNOWN else unknown",),
            "of the kinds this one sorts last",
        ),
        Equivalent(
            "if any(one + other > most for one, other, most in zip(numbers, beside, answers, strict=True)):",
            ("if any(one + other > most for one, other, most in zip(numbers, beside, answers, strict=False)):",),
            "`_unpacked` gives one number for each question, or refuses",
        ),
        Equivalent(
            "if max(numbers, default=0) <= 1:",
            ("if max(numbers, default= -1) <= 1:", "if max(numbers, default= 1) <= 1:"),
            "of no questions there are no bits either way",
        ),
    ),
    "stability": (
        Equivalent(
            "ends.CUT_OFF: answer.finish_reason == LENGTH,",
            ("ends.CUT_OFF: answer.finish_reason <= LENGTH,",),
            "of the two ends that an answer has (`replies.GOOD_ENDS`) this one sorts first",
        ),
        Equivalent(
            "for place, (row, each) in enumerate(zip(rows, found, strict=True)):",
            ("for place, (row, each) in enumerate(zip(rows, found, strict=False)):",),
            "`joined` makes one list for each row",
        ),
        Equivalent(
            "for text, one in zip(row.texts, each, strict=True):",
            ("for text, one in zip(row.texts, each, strict=False):",),
            "`joined` finds one thing for each text",
        ),
        Equivalent(
            "for batch in file.iter_batches(batch_size=64, columns=columns):",
            tuple(f"for batch in file.iter_batches(batch_size= {size}, columns=columns):" for size in (63, 65)),
            "how many rows are read at once changes no row",
        ),
    ),
    "accept": (
        Equivalent(
            "count, mark = marked(texts, pairs_are_taken_out=evidence.framework == UPSTREAM)",
            ("count, mark = marked(texts, pairs_are_taken_out=evidence.framework <= UPSTREAM)",),
            "of the two frameworks this one sorts first",
        ),
        Equivalent(
            "if verdict.verdict == DONE and evidence.output:",
            ("if verdict.verdict <= DONE and evidence.output:",),
            "only that of an answered shard sorts before it, and a shard has no output",
        ),
        Equivalent(
            'if __name__ == "__main__":',
            (
                'if __name__ <= "__main__":',
                'if __name__ < "__main__":',
            ),
            "imported, its name sorts behind; that it is a program is noticed by the tests with the job environments, which are not run here",
        ),
    ),
    "judgement": (
        Equivalent(
            "return QuestionScores((), (), 1, {}, (), {})",
            tuple(f"return QuestionScores((), (), {number}, {{}}, (), {{}})" for number in (0, 2)),
            "of a run without details only the metrics that are not reproduced are looked at: none",
        ),
        Equivalent(
            'more = f" ({len(unlike)} metrics in all)" if len(unlike) > 1 else ""',
            ('more = f" ({len(unlike)} metrics in all)" if len(unlike) != 1 else ""',),
            "there is one: none is answered above",
        ),
        Equivalent(
            "written = next(iter(scores.values())) if len(scores) == 1 else list(scores.values())[:SHOWN]",
            ("written = next(iter(scores.values())) if len(scores) <= 1 else list(scores.values())[:SHOWN]",),
            "a metric that is not reproduced is in the scores of one entry at least",
        ),
        Equivalent(
            "return max(whole, taken if type(taken) is int else 0)",
            (
                "return max(whole, taken if type(taken) is int else -1)",
                "return max(whole, taken if type(taken) is int else 1)",
            ),
            "an entry with details has a text at least, which is as many as one document needs",
        ),
        Equivalent(
            "whole = (there if most is None else min(there, most)) if type(there) is int else 0",
            (
                "whole = (there if most is None else min(there, most)) if type(there) is int else 1",
                "whole = (there if most is None else min(there, most)) if type(there) is int else -1",
            ),
            "an entry with details has a text at least, which is as many as one document needs",
        ),
        Equivalent(
            "if not empty or 0 < evidence.counts.unanswered <= evidence.counts.unanswered_allowed:",
            (
                "if not empty or 0 != evidence.counts.unanswered <= evidence.counts.unanswered_allowed:",
                "if not empty or 0 is not evidence.counts.unanswered <= evidence.counts.unanswered_allowed:",
            ),
            "a count is not negative",
        ),
        Equivalent(
            'how = f"signal {code - 128}" if code > 128 else f"exit code {code}"',
            (
                'how = f"signal {code % 128}" if code > 128 else f"exit code {code}"',
                'how = f"signal {code ^ 128}" if code > 128 else f"exit code {code}"',
            ),
            "an exit code of a shell has eight bits",
        ),
        Equivalent(
            "if short := sum(len(row) < n for row, n in zip(details.texts, details.expected, strict=True)):",
            ("if short := sum(len(row) < n for row, n in zip(details.texts, details.expected, strict=False)):",),
            "`framework_output.read` gives one number for each row",
        ),
        Equivalent(
            "LARGEST = 1e300  # a whole number of a thousand digits is one to JSON, and none to what reads scores",
            ("LARGEST = 1e+300  # a whole number of a thousand digits is one to JSON, and none to what reads scores",),
            "one more or less is the same number",
        ),
    ),
    "slurm-words": (
        Equivalent(
            'key = re.split(r"[,(\\s]", reason.strip(), maxsplit=1)[0]',
            (
                'key = re.split(r"[,(\\s]", reason.strip(), maxsplit= 2)[0]',
                'key = re.split(r"[,(\\s]", reason.strip(), maxsplit= 0)[0]',
            ),
            "only the first part is looked at, however many there are",
        ),
    ),
    "relay": (
        Equivalent(
            'return web.json_response(body, status=status, headers={} if status == 200 else {"x-should-retry": "false"})',
            (
                'return web.json_response(body, status=status, headers={} if status <= 200 else {"x-should-retry": "false"})',
            ),
            "of the statuses that are given 200 is the least",
        ),
        Equivalent(
            'write_by_rename(arguments.listen_port_file, f"{door.sockets[0].getsockname()[1]}\\n")',
            ('write_by_rename(arguments.listen_port_file, f"{door.sockets[ -1].getsockname()[1]}\\n")',),
            "there is one address: the first is the last",
        ),
        Equivalent(
            'if __name__ == "__main__":',
            ('if __name__ <= "__main__":',),
            "imported, its name sorts behind",
        ),
    ),
    "forward": (
        Equivalent(
            "pause = max(outcome.retry_after or 0.0, self._patience.wait(tries))",
            ("pause = max(outcome.retry_after or -1.0, self._patience.wait(tries))",),
            "the own wait is not negative",
        ),
    ),
    "asking": (
        Equivalent(
            '"object": "text_completion" if path == "/completions" else "chat.completion",',
            ('"object": "text_completion" if path >= "/completions" else "chat.completion",',),
            "of the two paths this one sorts last",
        ),
    ),
    "outcomes": (
        Equivalent(
            "return status in TRANSIENT or (500 <= status < 600 and status not in LASTING)",
            ("return status in TRANSIENT or ( 499 <= status < 600 and status not in LASTING)",),
            "499 is in `TRANSIENT`",
        ),
    ),
    "limits": (
        Equivalent(
            "if 0 < got < asked:",
            ("if 0 != got < asked:", "if 0 is not got < asked:"),
            "a number of choices is not negative",
        ),
    ),
    "admission": (
        Equivalent(
            "return now.load.waiting == 0 and now.load.cache_use * growth <= ROOM",
            ("return now.load.waiting <= 0 and now.load.cache_use * growth <= ROOM",),
            "`read_load` takes no negative number for a load",
        ),
        Equivalent(
            "return not limit.careful or now.replies > 0",
            ("return not limit.careful or now.replies != 0",),
            "a count is not negative",
        ),
    ),
    "counts": (
        Equivalent(
            "if key not in PROMPT_KEYS and value not in values and len(values) < MOST_VALUES:",
            (
                "if key not in PROMPT_KEYS and value not in values and len(values) != MOST_VALUES:",
                "if key not in PROMPT_KEYS and value not in values and len(values) is not MOST_VALUES:",
            ),
            "the list grows by one, so that it reaches the number and never passes it",
        ),
        Equivalent(
            "if question not in self.blank and len(self.blank) >= self.unanswered_allowed:",
            (
                "if question not in self.blank and len(self.blank) == self.unanswered_allowed:",
                "if question not in self.blank and len(self.blank) is self.unanswered_allowed:",
            ),
            "the set grows by one, so that it reaches the number and never passes it",
        ),
    ),
    "replies": (
        Equivalent(
            "and (is_filter_end(own) or own in CALLED | BROKEN_OFF | UNCLEAR)",
            (
                "and (is_filter_end(own) or own in CALLED ^ BROKEN_OFF | UNCLEAR)",
                "and (is_filter_end(own) or own in CALLED | BROKEN_OFF ^ UNCLEAR)",
            ),
            "no word is in two of the sets",
        ),
        Equivalent(
            'return text.startswith((b"data:", b"event:", b": ")) or (text[:1] in b"{[" and text[-1:] in b"}]" and len(text) > 1)',
            (
                'return text.startswith((b"data:", b"event:", b": ")) or (text[:1] in b"{[" and text[-1:] in b"}]" and len(text) >= 1)',
                'return text.startswith((b"data:", b"event:", b": ")) or (text[:1] in b"{[" and text[-1:] in b"}]" and len(text) > 0)',
            ),
            "no text of one character both opens and closes",
        ),
        Equivalent(
            "indexed = all(type(place) is int and 0 <= place < len(raw) for place in places) and len(set(places)) == len(raw)",
            (
                "indexed = all(type(place) is int and 0 <= place < len(raw) for place in places) and len(set(places)) >= len(raw)",
            ),
            "a set of one place for each is never larger",
        ),
    ),
    "strict-json": (
        Equivalent(
            "if len(found) < len(pairs) and any(found[name] != value for name, value in pairs):",
            tuple(
                f"if len(found) {sign} len(pairs) and any(found[name] != value for name, value in pairs):"
                for sign in ("!=", "is not", "<=")
            ),
            "where no name is repeated, each has its own value; there are never more names than pairs",
        ),
    ),
    "scheduler-common": (
        Equivalent(
            'return found[0] if len(found) == 1 else ""',
            ('return found[ -1] if len(found) == 1 else ""',),
            "of one the first is the last",
        ),
        Equivalent(
            "if reply.status == 0 or unreachable(reply, silence):",
            ("if reply.status <= 0 or unreachable(reply, silence):",),
            "a status below zero, of a command that was killed, is unreachable",
        ),
    ),
    "answers": (
        Equivalent(
            "for question, kept in zip(reversed(asked), reversed(taken), strict=True):",
            ("for question, kept in zip(reversed(asked), reversed(taken), strict=False):",),
            "both lists are made for the same choices",
        ),
        Equivalent(
            "if self._last is None or self._last[0] != kept.offset:",
            (
                "if self._last is None or self._last[ -1] != kept.offset:",
                "if self._last is None or self._last[ 1] != kept.offset:",
            ),
            "without the last line at hand it is read again",
        ),
        Equivalent(
            "self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)",
            (
                "self._handle = os.open(path, os.O_RDWR | os.O_APPEND + os.O_CREAT | os.O_CLOEXEC, 0o660)",
                "self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT ^ os.O_CLOEXEC, 0o660)",
                "self._handle = os.open(path, os.O_RDWR + os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)",
                "self._handle = os.open(path, os.O_RDWR ^ os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)",
                "self._handle = os.open(path, os.O_RDWR | os.O_APPEND ^ os.O_CREAT | os.O_CLOEXEC, 0o660)",
                "self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT + os.O_CLOEXEC, 0o660)",
            ),
            "the flags have no bit in common",
        ),
        Equivalent(
            "self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)",
            ("self._handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT % os.O_CLOEXEC, 0o660)",),
            "`os.open` sets the last of the flags itself (PEP 446), and the one before it is smaller",
        ),
        Equivalent(
            "fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)",
            (
                "fcntl.flock(self._handle, fcntl.LOCK_EX ^ fcntl.LOCK_NB)",
                "fcntl.flock(self._handle, fcntl.LOCK_EX + fcntl.LOCK_NB)",
            ),
            "the flags have no bit in common",
        ),
        Equivalent(
            "for question, kept in zip(asked, places, strict=True):",
            ("for question, kept in zip(asked, places, strict=False):",),
            "both lists are made for the same choices",
        ),
        Equivalent(
            "while done < len(text):",
            ("while done != len(text):",),
            "never more is written than there is",
        ),
    ),
}


def why(module: str, before: str, after: str) -> str | None:
    """Why a change of this line has no effect; None where that is not known."""
    known = EQUIVALENTS.get(module, ())
    return next((one.why for one in known if one.line == before.strip() and after.strip() in one.becomes), None)
