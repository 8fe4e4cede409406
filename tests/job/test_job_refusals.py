"""Refusals that repeat themselves: no question is asked in vain, and the job ends where no task can get an answer."""

from __future__ import annotations

from typing import Any

import pytest
from chat_upstream import Asked, Reply, answers, completion, serving
from relay_process import StartRelay, wait_for

from evalctl_job.refusals import SEVERAL, Refusals, normalised

TOO_LONG = "HTTP 400: max_completion_tokens=16384 cannot be greater than max_model_len={} (tried once)"
NO_CREDIT = "HTTP 402: Insufficient credits, request req_{} (tried once)"


def question(number: int) -> dict[str, Any]:
    """One of many."""
    return {"model": "m", "messages": [{"role": "user", "content": f"question {number}"}]}


def refused(words: str, count: int) -> Refusals:
    """So many questions were refused in these words."""
    found = Refusals()
    for number in range(count):
        found.refused(f"q{number}", words.format(number))
    return found


def test_several_different_questions_refused_alike_settle_it() -> None:
    """Numbers and names of requests do not matter; one question asked often is still one."""
    assert refused(TOO_LONG, SEVERAL - 1).lasting_text is None
    assert refused(TOO_LONG, SEVERAL).lasting_text == TOO_LONG.format(SEVERAL - 1)
    one = Refusals()
    for _ in range(SEVERAL):
        one.refused("q", TOO_LONG)
    assert (one.lasting_text, one.alike) == (None, TOO_LONG)


def test_an_answer_or_another_word_unsettles_it() -> None:
    """Where some questions are answered, or refused for different reasons, the next one may be answered."""
    answered = refused(TOO_LONG, SEVERAL)
    answered.answered()
    assert (answered.lasting_text, answered.alike) == (None, None)
    differ = refused(TOO_LONG, SEVERAL)
    differ.refused("q9", "HTTP 400: something else")
    assert (differ.lasting_text, differ.alike) == (None, None)


def test_only_what_concerns_every_task_ends_the_job() -> None:
    """Too long a context is one task's; credit is everybody's, also once it is used up in the middle."""
    assert refused(TOO_LONG, SEVERAL).for_all_tasks is None
    assert refused(NO_CREDIT, SEVERAL).for_all_tasks == ("quota-exhausted", NO_CREDIT.format(SEVERAL - 1))
    assert refused(NO_CREDIT, SEVERAL - 1).for_all_tasks is None
    later, key = Refusals(), Refusals()
    for found, words in ((later, NO_CREDIT), (key, "HTTP 401: wrong key")):
        found.answered()
        for number in range(SEVERAL):
            found.refused(f"q{number}", words)
    assert later.for_all_tasks is not None and key.for_all_tasks is None


def test_four_questions_are_several() -> None:
    """More of them are, too; before the first there is nothing to say."""
    none = Refusals()
    assert SEVERAL == 4 and (none.alike, none.lasting_text, none.for_all_tasks) == (None, None, None)
    assert refused(NO_CREDIT, 5).lasting_text == NO_CREDIT.format(4)
    assert refused(NO_CREDIT, 5).for_all_tasks == ("quota-exhausted", NO_CREDIT.format(4))


@pytest.mark.parametrize(
    ("words", "like"),
    [("HTTP 400: Request 12 FAILED", "HTTP 400http # request # failed"), ("No status, req_7f", "no status, #"), ("no", "no")],
)  # fmt: skip
def test_what_varies_is_no_difference(words: str, like: str) -> None:
    """Words with a digit and capital letters; the status is one."""
    assert normalised(words) == like


def test_what_differs_once_differs_for_the_task() -> None:
    """Its later questions may be answered, though they are refused alike; an account without credit is one all the same."""
    found = Refusals()
    found.refused("q", "HTTP 400: something else")
    assert found.alike == "HTTP 400: something else"
    for number in range(SEVERAL):
        found.refused(f"q{number}", NO_CREDIT.format(number))
    assert (found.alike, found.lasting_text) == (None, None)
    assert found.for_all_tasks == ("quota-exhausted", NO_CREDIT.format(SEVERAL - 1))


def test_an_answer_begins_the_count_anew() -> None:
    """Three refusals before it and one after it are not several."""
    found = refused(NO_CREDIT, SEVERAL - 1)
    found.answered()
    found.refused("q9", NO_CREDIT.format(9))
    assert (found.alike, found.for_all_tasks) == (None, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [("HTTP 401: wrong key", "authentication"), ("the model `m` does not exist", "model-not-found"),
     ("must provide a chat template", "chat-template-missing"), ("HTTP 429: rate limit", None), ("in new words", None)],
)  # fmt: skip
def test_what_concerns_every_task_is_a_closed_list(words: str, reason: str | None) -> None:
    """The key, the model, its template; anything else is this task's."""
    assert refused(words, SEVERAL).for_all_tasks == (reason and (reason, words))


@pytest.mark.environments
def test_a_task_that_is_always_refused_asks_no_more(start_relay: StartRelay) -> None:
    """The rest of its questions fails at once in the same words; another task goes on."""

    def too_long(asked: Asked) -> Reply:
        refusal = {"error": {"message": "max_tokens=9 cannot be greater than max_model_len=8"}}
        return answers(asked) if asked.body.get("top_k") == 5 else Reply(refusal, 400)

    with serving(too_long) as server:
        relay = start_relay(server.url, options={})
        assert [relay.post(question(number))[0] for number in range(20)] == [400] * 20
        assert len(server.posts) == SEVERAL
        assert relay.post({**question(1), "top_k": 5}, "u")[0] == 200
    counts = relay.counts()
    assert counts["failed"] == 20 and "max_model_len" in counts["refused_alike"]
    assert not (relay.state / "refused").exists()


@pytest.mark.environments
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply({"error": {"message": "Insufficient credits"}}, 402), "quota-exhausted"),
        (Reply({"error": {"message": "You have none", "code": "insufficient_quota"}}, 429), "quota-exhausted"),
        (Reply({"error": {"message": "Insufficient credits", "code": 402}}), "quota-exhausted"),
        (Reply({"error": "insufficient balance"}), "quota-exhausted"),
        (Reply({"error": {"message": "余额不足或无可用资源包,请充值。", "code": "1113"}}, 429), "quota-exhausted"),
        (Reply({"error": {"message": "You don't have any credits yet"}}, 403), "quota-exhausted"),
        (Reply({"error": {"message": "Incorrect API key provided", "code": "401"}}), "authentication"),
        (Reply({"error": {"message": "default chat template is no longer allowed"}}, 400), "chat-template-missing"),
    ],
)
def test_what_no_task_will_get_is_told_to_the_job(start_relay: StartRelay, reply: Reply, reason: str) -> None:
    """One try for each question, no waiting, and after several of them nothing is asked any more, by any task."""
    with serving(lambda asked: reply) as server:
        relay = start_relay(server.url)
        assert all(relay.post(question(number), "tu"[number % 2])[0] >= 400 for number in range(12))
        assert len(server.posts) == SEVERAL
    told = wait_for(lambda: (relay.state / "refused").exists() and (relay.state / "refused").read_text())
    assert told.splitlines()[0] == reason and len(told.splitlines()) == 2


@pytest.mark.environments
@pytest.mark.parametrize("status", [408, 423, 425, 499, 509, 520, 523, 524, 529, 530, 555])
def test_what_passes_by_itself_is_waited_for(start_relay: StartRelay, status: int) -> None:
    """Cloudflare's own statuses, too, say that the server behind it may come back; one that nobody knows is read as 500."""
    with serving(lambda asked: Reply("<html>", status) if asked.number == 1 else answers(asked)) as server:
        relay = start_relay(server.url)
        assert relay.post(question(1))[0] == 200
    assert relay.counts()["retried"] == 1


@pytest.mark.environments
@pytest.mark.parametrize("status", [501, 505, 526, 418])
def test_what_does_not_pass_is_asked_once(start_relay: StartRelay, status: int) -> None:
    """A status that says so is no reason to wait."""
    with serving(lambda asked: Reply("no", status)) as server:
        relay = start_relay(server.url)
        assert relay.post(question(1))[0] == status and len(server.posts) == 1


@pytest.mark.environments
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, 'openai/gpt-4 requires moderation. Your input was flagged for "harassment".'),
        (403, "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"),
        (400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy."),
        (400, "DataInspectionFailed: Input data may contain inappropriate content."),
    ],
)
def test_a_filter_is_no_matter_of_the_key(start_relay: StartRelay, status: int, words: str) -> None:
    """Filtered questions, however many, end neither the task nor the job, and the request may allow for them."""
    with serving(lambda asked: Reply({"error": {"message": words}}, status)) as server:
        relay = start_relay(server.url, options={"unanswered": SEVERAL})
        assert [relay.post(question(number))[0] for number in range(SEVERAL + 1)] == [200] * SEVERAL + [502]
        assert len(server.posts) == SEVERAL + 1
    assert relay.counts()["unanswered"] == SEVERAL and not (relay.state / "refused").exists()


@pytest.mark.environments
def test_another_model_than_the_one_asked_for(start_relay: StartRelay, tmp_path: Any) -> None:
    """A provider's is counted by its name; a server of ours has no other one: nothing of it is kept."""
    with serving(lambda asked: Reply({**completion(["C"]).body, "model": "cheap/other-1B"})) as server:
        relay = start_relay(server.url)
        assert relay.post(question(1))[0] == 200
        counts = relay.counts()
        assert counts["models"] == counts["other_models"] == {"cheap/other-1B": 1}
        (tmp_path / "upstream").write_text(server.url)
        ours = start_relay("--upstream-file", tmp_path / "upstream")
        status, reply = ours.post(question(1))
    assert status == 502 and "another model answered: cheap/other-1B instead of m" in reply["error"]["message"]
    assert ours.texts() == [] and ours.counts()["models"] == {}
