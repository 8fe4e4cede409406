"""Where a model runs, with how many GPUs, and how many questions at once."""

from __future__ import annotations

import re

import pytest
from families import FAMILIES, card_of
from samples import base_texts, card, card_file, catalogue, checked, compiled, one_job

from evalctl.model.card import ModelCard
from evalctl.model.service import NodeKind
from evalctl.plan import divisions
from evalctl.plan.choice import ServerWork
from evalctl.plan.placement import (
    CPU_CONCURRENCY,
    Placement,
    batched_tokens,
    concurrency,
    division,
    named_kind,
    needed_bytes,
    placed_on,
    usable_bytes,
    weight_bytes,
)
from evalctl.plan.places import placement

SMALL = "model: lab/small-8B\nservice: tsubame\n"


def place(service: str, kind: str | None = None, **facts: object) -> Placement:
    """Where a model with these facts runs on a service of the base."""
    line = f"node_kind: {kind}\n" if kind else ""
    request = checked(f"model: lab/small-8B\nservice: {service}\ntasks: [ja]\n{line}").request
    found = placement(request, catalogue().services[service].service, loaded(card(**facts)))
    assert found is not None
    return found


def loaded(facts: ModelCard) -> ServerWork:
    """No task of a model with these facts."""
    return ServerWork((), facts, {}, 600, None)


@pytest.mark.parametrize(
    ("service", "small", "large"),
    [("tsubame", "node_q", "node_f"), ("abci", "rt_HG", "rt_HF"), ("local", "gpu_2", "gpu_4")],
)
def test_thirteen_billion_parameters_are_the_border(service: str, small: str, large: str) -> None:
    """Up to and with 13B the service's small kind, above it the large one (the manual's rule)."""
    assert place(service, parameters=13_000_000_000).node_kind == small
    assert place(service, parameters=13_000_000_001).node_kind == large


def test_a_named_node_kind_is_taken() -> None:
    """Whatever the model's size."""
    assert place("tsubame", "gpu_1", parameters=10**12).node_kind == "gpu_1"


@pytest.mark.parametrize(("service", "kind"), [("tsubame", "cpu_16"), ("abci", "rt_HC"), ("slurm", "cpu")])
def test_models_that_others_serve_need_no_gpu(service: str, kind: str) -> None:
    """They run on the service's kind for that."""
    job = one_job(f"model: org/m\nprovider: deepinfra\nservice: {service}\ntasks: [en_own]\n")
    assert (job.node_kind, job.batch.gpus, job.server.argv, job.server.gpus) == (kind, 0, (), 0)
    assert (job.server.base_url, job.server.key_variable) == (
        "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
    )


@pytest.mark.parametrize("provider", ["aaa", "vllm2", "zzz"])
def test_a_provider_is_any_name_but_vllm(provider: str) -> None:
    """Its models run on the service's kind for that, and are asked as many questions as the lab asks others."""
    request = checked(f"{SMALL}tasks: [ja]\n").request.model_copy(update={"provider": provider})
    service = catalogue().services["tsubame"].service
    assert named_kind(request, service, card()) == service.api != service.small_model
    assert concurrency(request, place("tsubame"), card(), {"max_model_length": 32768}) == 20


def test_a_model_has_no_place_where_the_service_lacks_the_node_kind() -> None:
    """One that was asked for, or any."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    service = catalogue().services["tsubame"].service
    assert placement(request.model_copy(update={"node_kind": "cray"}), service, loaded(card())) is None
    others = request.model_copy(update={"provider": "deepinfra"})
    assert placement(others, service.model_copy(update={"api": None}), loaded(card())) is None


@pytest.mark.parametrize(
    ("heads", "sizes"),
    [
        (28, (1, 2, 4, 4)),
        (32, (1, 2, 4, 8)),
        (40, (1, 2, 4, 8)),
        (14, (1, 2, 2, 2)),
        (64, (1, 2, 4, 8)),
        (7, (1, 1, 1, 1)),
    ],
)
def test_tensor_parallel_divides_the_heads(heads: int, sizes: tuple[int, ...]) -> None:
    """The largest size that divides heads and GPUs on 1, 2, 4 and 8 GPUs."""
    one = card(attention_heads=heads, kv_heads=heads)
    assert tuple(max(divisions.sizes(one, gpus)) for gpus in (1, 2, 4, 8)) == sizes


@pytest.mark.parametrize("heads", [7, 14, 28, 32, 40, 48, 96])
@pytest.mark.parametrize("gpus", [1, 2, 3, 4, 6, 8])
def test_no_gpu_is_left_over(gpus: int, heads: int) -> None:
    """What one copy cannot use, further copies do."""
    tensor = max(divisions.sizes(card(attention_heads=heads, kv_heads=heads), gpus))
    assert (gpus % tensor, heads % tensor) == (0, 0)


GB = 10**9


@pytest.mark.parametrize(
    ("service", "kind", "gigabytes", "way"),
    [
        ("abci", "rt_HF", 16, (1, 8)),  # one H200 bears it: eight copies, not one on eight
        ("abci", "rt_HF", 66, (1, 8)),
        ("abci", "rt_HF", 141, (2, 4)),
        ("abci", "rt_HF", 490, (8, 1)),
        ("tsubame", "node_f", 16, (1, 4)),
        ("tsubame", "node_f", 66, (2, 2)),  # 16.6 GB are left, and 16 answers of 8,192 tokens take 17.2
        ("tsubame", "node_f", 65, (1, 4)),
        ("tsubame", "node_f", 141, (2, 2)),
        ("tsubame", "node_f", 150, (4, 1)),
        ("tsubame", "node_q", 80, (1, 1)),  # no room for a batch, and no second GPU
    ],
)
def test_the_fewest_gpus_that_hold_a_full_batch_share_a_copy(
    service: str, kind: str, gigabytes: int, way: tuple[int, int]
) -> None:
    """Further copies run on the others; where no number holds a batch, as many as can share."""
    found = place(service, kind, weight_bytes=gigabytes * GB)
    assert (found.tensor_parallel, found.data_parallel) == way


def test_an_answer_of_full_length_counts_too() -> None:
    """The context of the request, else what vLLM takes: 512k tokens of 131 kB are 69 GB."""
    long = card(weight_bytes=16 * GB, context_length=2**19)
    kind = catalogue().services["tsubame"].service.node_kinds["node_f"]
    assert division(kind, long) == (2, 2)
    assert division(kind, long, {"max_model_length": 32768}) == (1, 4)
    assert division(kind, long.model_copy(update={"default_length": 32768})) == (1, 4)


def test_smaller_numbers_need_fewer_gpus() -> None:
    """A cache of 8 bits, weights that vLLM quantises itself."""
    kind = catalogue().services["tsubame"].service.node_kinds["node_f"]
    tight, large = card(weight_bytes=70 * GB), card(weight_bytes=100 * GB, quantization=None, widths={"query": 4096})
    assert (division(kind, tight), division(kind, tight, {"kv_cache_dtype": "fp8"})) == ((2, 2), (1, 4))
    assert (division(kind, large), division(kind, large, {"quantization": "fp8"})) == ((2, 2), (1, 4))


def test_heads_may_demand_further_copies() -> None:
    """28 heads on eight GPUs with 245 GB of weights: four can share them, and two do not hold them."""
    found = place("abci", "rt_HF", attention_heads=28, kv_heads=4, weight_bytes=245 * GB)
    assert (found.tensor_parallel, found.data_parallel) == (4, 2)
    facts = card_file(model="lab/odd-28", attention_heads=28, kv_heads=4, weight_bytes=245 * GB)
    job = one_job("model: lab/odd-28\nservice: abci\nnode_kind: rt_HF\ntasks: [en_own]\n", facts)
    argv = job.server.argv
    assert argv[argv.index("--tensor-parallel-size") + 1 :][:3] == ("4", "--data-parallel-size", "2")
    assert (job.server.tensor_parallel, job.server.data_parallel) == (4, 2)


def test_copies_share_the_experts() -> None:
    """vLLM divides them among the GPUs of all copies: 768 are 6 blocks of 128, and finer ones are for models that fit no other way."""
    one = card_of(FAMILIES["Qwen3-30B-A3B-FP8"]).model_copy(update={"weight_bytes": 31 * GB})
    assert [division(node(gpus, 141), one) for gpus in (1, 2, 4, 8)] == [(1, 1), (1, 2), (1, 3), (1, 6)]
    assert (divisions.copies(one, 1, 8), divisions.copies(one, 1, 8, refined=True)) == (6, 8)
    narrow = one.model_copy(update={"widths": {**(one.widths or {}), "expert": 128}})
    assert [divisions.copies(narrow, tensor, 8, refined=True) for tensor in (1, 2)] == [4, 2]
    assert divisions.copies(narrow, 1, 8) == 1
    assert divisions.copies(card(), 1, 8) == 8


def test_one_copy_names_no_further_ones() -> None:
    """--data-parallel-size appears only where it is needed."""
    assert "--data-parallel-size" not in one_job(f"{SMALL}tasks: [en_own]\n").server.argv


def test_vllm_answers_so_many_at_once_in_each_copy() -> None:
    """max_num_seqs, or its default for the GPU: 1,024, and 256 on the smallest."""
    request, tiny = checked(f"{SMALL}tasks: [ja]\n").request, card(layers=1, kv_heads=1, weight_bytes=GB)
    small = [Placement("k", node(copies, 40), 1, copies) for copies in (1, 2, 8)]
    assert [concurrency(request, one, tiny) for one in small] == [256, 512, 1024]
    assert concurrency(request, Placement("k", node(1, 80), 1, 1), tiny) == 1024
    assert [concurrency(request, one, tiny, {"max_num_seqs": 30}) for one in small] == [30, 60, 240]


# ---- memory -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gigabytes", "codes"),
    [(70, []), (85, ["model-does-not-fit"]), (500, ["model-does-not-fit"])],
)
def test_a_model_must_fit(gigabytes: int, codes: list[str]) -> None:
    """Weights and one answer of full length within what vLLM may use of one 94 GB GPU (4.3 GB of cache here)."""
    done = compiled(f"{SMALL}node_kind: node_q\ntasks: [en_own]\n", card_file(weight_bytes=gigabytes * 10**9))
    assert done.codes() == codes


def test_a_shorter_context_may_make_it_fit() -> None:
    """The cache of one answer counts."""
    text = f"{SMALL}node_kind: node_q\ntasks: [en_own]\noverrides: {{all: {{max_model_length: 1024}}}}\n"
    facts = card_file(weight_bytes=82 * 10**9)
    assert compiled(text.replace("1024", "32768"), facts).codes() == ["model-does-not-fit"]
    assert compiled(text, facts).codes() == []


def test_heads_that_keep_gpus_apart_are_named() -> None:
    """Enough memory in the node, but the heads cannot be divided among enough of its GPUs."""
    facts = card_file(attention_heads=7, weight_bytes=200 * 10**9)
    done = compiled("model: lab/small-8B\nservice: tsubame\nnode_kind: node_f\ntasks: [en_own]\n", facts)
    assert done.codes() == ["tensor-parallel-heads"]
    assert "7" in done.problems[0].message
    assert done.problems[0].help.startswith("no node kind of this service holds it")


def test_the_node_kinds_that_hold_the_model_are_named() -> None:
    """The fewest GPUs first, so that the help can be typed."""
    facts = card_file(attention_heads=8, weight_bytes=85 * 10**9)
    (problem,) = compiled("model: lab/small-8B\nservice: tsubame\nnode_kind: node_q\ntasks: [en_own]\n", facts).problems
    assert (problem.code, problem.help) == ("model-does-not-fit", "write `node_kind: node_f`")


def test_a_node_kind_without_memory_says_nothing() -> None:
    """Where nobody wrote the GPUs' memory down, nothing is guessed."""
    text = "model: lab/small-8B\nservice: slurm\nnode_kind: gpu_1\ntasks: [en_own]\n"
    found = [p.code for p in compiled(text, card_file(weight_bytes=10**13)).problems]
    assert not {"model-does-not-fit", "tensor-parallel-heads"} & set(found)


def node(gpus: int, memory: float | None) -> NodeKind:
    """So many GPUs with so many gigabytes, 90 % of which vLLM takes."""
    return NodeKind(gpus=gpus, gpu_memory_gb=memory, runtime_column="hrt_q")


def test_experts_are_cut_finer_only_where_they_fit_no_other_way() -> None:
    """Two GPUs of 80 GB have 140 GB for weights; one byte more needs four, without a known size nothing does."""
    one = card_of(FAMILIES["Qwen3-30B-A3B-FP8"])
    fits, larger = (one.model_copy(update={"weight_bytes": 140 * 10**9 + more}) for more in (0, 1))
    smaller = one.model_copy(update={"weight_bytes": 139 * 10**9})
    assert [division(node(8, 80), each)[0] for each in (smaller, fits, larger)] == [2, 2, 4]
    assert division(node(8, None), larger)[0] == 2


def test_without_a_card_each_gpu_has_a_copy() -> None:
    """And without a GPU there is one."""
    service = catalogue().services["tsubame"].service
    kinds = {"eight": node(8, 80), "none": node(0, None)}
    service = service.model_copy(update={"node_kinds": kinds})
    assert placed_on("eight", service, None) == Placement("eight", kinds["eight"], 1, 8)
    assert placed_on("none", service, card()) == Placement("none", kinds["none"], 1, 1)


def test_the_memory_of_a_copy_is_that_of_its_gpus() -> None:
    """90 % of each less 2 GB, of all GPUs that share the model; 0 where nobody wrote it down."""
    assert usable_bytes(Placement("k", node(8, 80), 4, 2)) == 4 * 70e9
    assert usable_bytes(Placement("k", node(8, None), 4, 2)) == 0


def test_a_model_needs_its_weights_and_one_answer() -> None:
    """On one GPU if nothing else is said; a head that two GPUs need is kept twice."""
    one = card(kv_heads=1, layers=3, head_size=64, weight_bytes=1000)
    assert needed_bytes(one, 10) == 1000 + 2 * 3 * 1 * 64 * 2 * 10
    assert needed_bytes(one, 10, 2) == 1000 + 2 * 3 * 2 * 64 * 2 * 10
    assert needed_bytes(one, 10, 2, {"kv_cache_dtype": "fp8_e5m2"}) == 1000 + 2 * 3 * 2 * 64 * 10
    assert needed_bytes(one, 10, 2, {"kv_cache_dtype": "bfloat16"}) == needed_bytes(one, 10, 2)


@pytest.mark.parametrize(
    ("gpus", "gpu", "memory", "expected"),
    [
        (4, "H100", 94, 8192), (1, "A100", 80, 2048), (1, "A100_SXM", 40, 2048), (8, "B200", 180, 16384), (1, None, 47, 2048),
        (1, "H100", None, None), (0, None, None, 2048), (0, "B200", 180, 2048), (1, "B200", 160, 16384), (1, "B200", 159, 8192),
        (1, "H100", 70, 8192), (1, "H100", 69, 2048), (1, "A100", 160, 16384), (1, "A100", 180, 16384), (1, "a100", 159, 2048),
    ],
)  # fmt: skip
def test_the_tokens_of_one_step_depend_on_the_gpu(
    gpus: int, gpu: str | None, memory: float | None, expected: int | None
) -> None:
    """As vLLM takes them for its server; unknown where the service does not say the memory."""
    kind = NodeKind(gpus=gpus, gpu=gpu, gpu_memory_gb=memory, runtime_column="hrt_q")
    assert batched_tokens(kind) == expected


def test_more_answers_at_once_than_tokens_of_a_step_are_refused() -> None:
    """Once, where the number is named; vLLM ends at its start."""
    service = "manifests/services/tsubame.yaml"
    files = {service: re.sub(r"gpu: H100, gpu_memory_gb: \d+", "gpu: A100, gpu_memory_gb: 80", base_texts()[service])}
    text = f"{SMALL}node_kind: node_q\ntasks: [ja]\noverrides: {{all: {{max_num_seqs: 2049}}}}\n"
    (found,) = compiled(text, files).problems
    assert (found.code, found.help, found.span.line) == ("out-of-range", "at most 2048", 5)
    assert compiled(text.replace("2049", "2048"), files).codes() == compiled(text).codes() == []


@pytest.mark.parametrize(
    ("form", "said", "expected"),
    [
        (None, "fp8", 500),
        (None, "mxfp4", 250),
        (None, "gptq", 1000),
        (None, None, 1000),
        ({"method": "fp8"}, "fp8", 1000),
    ],
)
def test_weights_that_vllm_quantises_itself_need_less(form: object, said: str | None, expected: int) -> None:
    """A card of an older evalctl does not tell whether they are quantised already."""
    server = {"quantization": said} if said else {}
    assert weight_bytes(card(weight_bytes=1000, quantization=form, widths={"hidden": 64}), server) == expected
    assert weight_bytes(card(weight_bytes=1000), server) == 1000


def test_the_memory_of_weights_is_a_whole_number_of_bytes() -> None:
    """Half a byte that is left over is none."""
    assert (
        weight_bytes(card(weight_bytes=1001, quantization=None, widths={"hidden": 64}), {"quantization": "fp8"}) == 500
    )


# ---- concurrency ------------------------------------------------------------------------------------------------


def test_an_8b_model_on_one_h100_gets_what_the_manual_says() -> None:
    """50 to 100 questions at once (manual 4)."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    assert 50 <= concurrency(request, place("tsubame"), card(), {"max_model_length": 32768}) <= 100


def test_concurrency_grows_with_memory_and_stays_within_bounds() -> None:
    """More for more memory, at most what the relay has been measured with, at least 8."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    tight, tiny = card(weight_bytes=82 * 10**9), card(layers=1, kv_heads=1)
    one, two = (concurrency(request, place(name), card(), {"max_model_length": 32768}) for name in ("tsubame", "abci"))
    assert two > one
    assert concurrency(request, place("tsubame"), tight) == 8
    assert concurrency(request, place("tsubame"), tiny) == 1024


@pytest.mark.parametrize(
    ("line", "number"), [("concurrency: 7\n", 7), ("concurrency: 64\n", 64), ("provider: deepinfra\n", 20)]
)
def test_concurrency_that_is_said_is_kept(line: str, number: int) -> None:
    """A number of the request; 20 for endpoints that others run."""
    request = checked(f"{SMALL}tasks: [ja]\n{line}").request
    assert concurrency(request, place("tsubame"), card(), {"max_model_length": 32768}) == number


@pytest.mark.parametrize("framework", ["lighteval", "lighteval-swallow"])
@pytest.mark.parametrize(("line", "number"), [("", 1024), ("concurrency: 65\n", 65), ("concurrency: 4096\n", 4096)])
def test_a_framework_asks_as_much_as_is_wanted(framework: str, line: str, number: int) -> None:
    """Automatic or written: no limit of the framework's client. Together they are the relay's limit; of itself it has 1,024."""
    roomy = card_file(layers=1, kv_heads=1)
    done = compiled(f"{SMALL}tasks: [all]\n{line}", roomy)
    (job,) = done.jobs
    (task, *_) = [one for one in job.tasks if one.evaluation.task.framework == framework]
    said = (
        dict(task.invocation.variables).get("LITELLM_CONCURRENT_CALLS")
        or re.findall(r"concurrent_requests: (\d+)", task.invocation.config).pop()
    )
    assert (int(said), job.admit_most) == (number, number * (4 if line else 1))
    assert job.admit == (str(number) if line else "auto") and done.codes() == []


def test_a_card_of_an_older_evalctl_gives_an_upper_bound_and_says_so() -> None:
    """Locked again, a model with few layers that attend may fit."""
    text = f"{SMALL}node_kind: node_q\ntasks: [en_own]\n"
    (found,) = compiled(text, card_file(weight_bytes=81 * 10**9)).problems
    assert found.code == "model-does-not-fit"
    assert "evalctl lock lab/small-8B" in found.notes[-1].message
    few = ({"layers": 4, "kv_heads": 8, "width": 256, "window": None},)
    assert compiled(text, card_file(weight_bytes=81 * 10**9, cache=few)).codes() == []


def test_as_many_questions_as_the_cache_holds() -> None:
    """What the weights leave free in all copies, by the cache of 8,192 tokens (2 x 32 x 8 x 128 x 2 x 8192 bytes), cut."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    one, two = Placement("k", node(2, 40), 2, 1), Placement("k", node(4, 40), 2, 2)
    exact = 68 * 10**9 - 48 * 2**30
    full, over = card(weight_bytes=exact), card(weight_bytes=exact + 1)
    assert [concurrency(request, one, facts) for facts in (full, over)] == [48, 47]
    assert [concurrency(request, two, facts, {"max_model_length": 32768}) for facts in (full, over)] == [96, 95]
    assert concurrency(request, one, full, {"max_model_length": 4096}) == 96


def test_a_model_without_a_cache_gets_as_many_questions_as_bytes_are_free() -> None:
    """20 bytes of the 70 GB of one GPU."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    facts = card(weight_bytes=70 * 10**9 - 20, cache=(), state_bytes=0)
    assert concurrency(request, Placement("k", node(1, 80), 1, 1), facts, {"max_model_length": 4096}) == 20


@pytest.mark.parametrize(("gpus", "memory"), [(0, None), (0, 80.0), (4, None)])
def test_where_the_memory_is_not_known_eight_are_asked(gpus: int, memory: float | None) -> None:
    """Nor without a GPU, nor without a card."""
    request = checked(f"{SMALL}tasks: [ja]\n").request
    assert concurrency(request, Placement("k", node(gpus, memory), 1, 1), card()) == CPU_CONCURRENCY == 8
    assert concurrency(request, Placement("k", node(4, 80), 1, 1), None) == 8


def test_a_provider_is_asked_for_each_task_that_asks_and_no_more() -> None:
    """Twenty at once for a task: one task does not use the room of four."""
    for tasks, most in (("[ja_exact]", 20), ("[ja_exact, en_own]", 40)):
        done = compiled(f"model: org/m\nprovider: deepinfra\nservice: tsubame\ntasks: {tasks}\n")
        assert [job.admit_most for job in done.jobs] == [most], done.codes()
