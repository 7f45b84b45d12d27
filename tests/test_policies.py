import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch  # noqa: TID253  (what is tested here is torch)
from hypothesis import given
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.policies import SamplingConfig, ScriptedPolicy, embedded, load_policy, sample
from arcbench.policies.chat import Job
from arcbench.policies.decoding import generate_shared, pick
from arcbench.policies.http import ServerGone
from arcbench.policies.servers import ServersPolicy
from arcbench.policies.transformers import TransformersPolicy
from arcbench.policies.worker import WorkerCrashed, WorkerPolicy
from arcbench.prompts import PromptTemplate
from arcbench.synth.generate import generate
from arcbench.training.llama import Llama, ModelConfig, save_transformers, to_transformers
from arcbench.training.tokenizer import MAX_POSITIONS, build_tokenizer
from tests.answering import Answering, answering

HELLO = [{"role": "user", "content": "one two"}]
TINY = ModelConfig(hidden_size=64, intermediate_size=128, num_layers=2, num_heads=4, num_kv_heads=2)


def prompts(count):
    template = PromptTemplate.load("arcbench")
    return [template.messages(generate(1, index).task) for index in range(count)]


# --- transformers ---


def tiny_model() -> Llama:
    torch.manual_seed(1)
    model = Llama(TINY)
    with torch.no_grad():
        for parameter in model.parameters():
            # Larger weights make it decided enough to stop by itself now and then.
            parameter *= 3 if parameter.ndim == 2 else 1
    return model


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer()


@pytest.fixture
def policy(tokenizer):
    twin = to_transformers(tiny_model(), tokenizer, torch.float32)
    return TransformersPolicy(twin, tokenizer, name="tiny")


def test_greedy_sampling_with_a_shared_prefix_is_what_generate_gives(policy):
    asked = prompts(4)
    found = sample(policy, asked, SamplingConfig(n=1, temperature=0, max_new_tokens=12))
    for messages, (completion,) in zip(asked, found, strict=True):
        ids = torch.tensor([policy.chat.ids(messages)])
        want = policy.model.generate(ids, do_sample=False, max_new_tokens=12)[0, ids.shape[1] :]
        assert completion.token_ids == tuple(want.tolist())


def test_logprobs_are_the_model_s_own_although_rows_are_dropped_on_the_way(policy):
    # Many stop tokens: rows end at different steps.
    policy._stop_ids = frozenset(range(0, 2048, 12))
    asked = prompts(3)
    found = sample(policy, asked, SamplingConfig(n=12, temperature=1.2, max_new_tokens=30))
    assert len({len(c.token_ids) for row in found for c in row}) > 5
    for messages, row in zip(asked, found, strict=True):
        prompt = policy.chat.ids(messages)
        for c in row:
            ids = torch.tensor([prompt + list(c.token_ids)])
            with torch.no_grad():
                all_logprobs = policy.model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
            want = all_logprobs[range(len(c.token_ids)), list(c.token_ids)]
            assert torch.allclose(want, torch.tensor(c.logprobs), atol=1e-4)
            assert (c.finish_reason == "stop") == (c.token_ids[-1] in policy._stop_ids)
            assert not any(t in policy._stop_ids for t in c.token_ids[:-1])


def test_a_sample_depends_on_seed_and_index_but_not_on_the_rest_of_the_batch(policy):
    asked = prompts(3)
    config = SamplingConfig(n=4, temperature=1, max_new_tokens=10, seed=3)
    found = sample(policy, asked, config)
    assert texts(sample(policy, asked[:1], config)) == texts(found[:1])
    assert len({c.text for c in found[0]}) > 1
    other = SamplingConfig(n=4, temperature=1, max_new_tokens=10, seed=4)
    assert texts(sample(policy, asked, other)) != texts(found)


def shuffled_jobs(policy, count):
    """Prompts of many lengths in an order of their own, some of them in two pieces."""
    for i, messages in enumerate(prompts(count)):
        ids = tuple(policy.chat.ids(messages))[: 40 + 7 * i % 60]
        for first, some in ((0, 5), (5, 3)) if i % 2 else ((0, 8),):
            yield Job(prompt_index=i, first_sample=first, count=some, ids=ids)


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_blocks_that_run_together_give_the_samples_that_each_gives_alone(policy, penalty):
    jobs = sorted(shuffled_jobs(policy, 16), key=lambda job: (-len(job.ids), job.ids))
    config = SamplingConfig(temperature=1.2, max_new_tokens=60, seed=7, repetition_penalty=penalty)
    stops = frozenset(range(0, 2048, 12))

    def drawn(blocks):
        found = {}
        for job, j, *what in generate_shared(policy.model, blocks, config, stops, lambda: False):
            found[job.prompt_index, job.first_sample + j] = what
        return found

    together = drawn([jobs[:7], jobs[7:8], jobs[8:]])
    alone = {k: v for job in jobs for k, v in drawn([[job]]).items()}
    assert together.keys() == alone.keys()
    assert len(alone) == sum(job.count for job in jobs) == 128
    for name, (tokens, logprobs) in together.items():
        assert tokens == alone[name][0]
        assert logprobs == pytest.approx(alone[name][1], abs=1e-4)


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    counts=st.lists(st.integers(1, 9000), min_size=12, max_size=12),
    kind=st.sampled_from(["cpu", "cuda"]),
    budget=st.sampled_from([1e3, 1e7, 1e9, 1e11]),
)
def test_batches_hold_every_sample_once_and_no_more_rows_than_they_may(
    lengths, counts, kind, budget
):
    policy = TransformersPolicy.__new__(TransformersPolicy)
    policy.model = SimpleNamespace(
        device=SimpleNamespace(type=kind),
        config=SimpleNamespace(
            vocab_size=2**13, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            head_dim=8,
        ),
        parameters=lambda: iter([torch.zeros(1)]),
    )  # fmt: skip
    policy._cache_budget_bytes = lambda: budget
    jobs = [
        Job(prompt_index=i, count=count, ids=(1,) * length)
        for i, (length, count) in enumerate(zip(lengths, counts, strict=False))
    ]
    seen = set()
    for batch in policy._batches(jobs, 16):
        rows = [sum(job.count for job in block) for block in batch]
        assert sum(rows) <= 2**28 // 2**13
        assert max(rows) <= (256 if kind == "cpu" else 4096)
        assert kind == "cuda" or len(batch) == 1
        new = [(job.prompt_index, j) for block in batch for job in block for j in job.numbers]
        assert seen.isdisjoint(new)
        seen.update(new)
        assert len(new) == sum(rows)
    assert len(seen) == sum(job.count for job in jobs)


def texts(found):
    return [[c.text for c in row] for row in found]


def test_models_with_other_attention_are_sampled_by_generate(policy):
    asked = prompts(2)
    greedy = SamplingConfig(n=2, temperature=0, max_new_tokens=8)
    shared = sample(policy, asked, greedy)
    policy._shared = False
    plain = sample(policy, asked, greedy)
    assert texts(plain) == texts(shared)
    for a, b in zip(plain, shared, strict=True):
        assert np.allclose(a[0].logprobs, b[0].logprobs, atol=1e-4)
    drawn = sample(policy, asked, SamplingConfig(n=3, temperature=1, max_new_tokens=8))
    assert len({c.text for c in drawn[0]}) > 1


def test_a_cancelled_stream_ends_early(policy):
    policy._stop_ids = frozenset()
    stream = policy.stream(prompts(60), SamplingConfig(n=64, temperature=1, max_new_tokens=2))
    next(stream)
    policy.cancel()
    assert sum(1 for _ in stream) < 60 * 64 - 1


def test_a_prompt_without_room_for_an_answer_is_refused_with_its_length(policy):
    with pytest.raises(UserError, match=r"prompt 0 has \d+ tokens"):
        sample(policy, prompts(1), SamplingConfig(max_new_tokens=MAX_POSITIONS))


def test_picking_follows_the_distribution_and_its_cuts():
    logits = torch.log(torch.tensor([[0.1, 0.4, 0.3, 0.2]])).repeat(4000, 1)
    noise = torch.linspace(0, 1, 4001)[:-1]

    def shares(**changes):
        token, logprob = pick(logits, noise, SamplingConfig(**{"temperature": 1.0} | changes))
        assert torch.allclose(logprob, logits[0][token], atol=1e-5)
        return (torch.bincount(token, minlength=4) / 4000).tolist()

    assert shares() == pytest.approx([0.1, 0.4, 0.3, 0.2], abs=1e-3)
    assert shares(top_k=2) == pytest.approx([0, 4 / 7, 3 / 7, 0], abs=1e-3)
    assert shares(top_p=0.65) == pytest.approx([0, 4 / 7, 3 / 7, 0], abs=1e-3)
    assert shares(top_p=0.01) == [0, 1, 0, 0]
    assert shares(temperature=0.0) == [0, 1, 0, 0]
    cold = np.array([0.1, 0.4, 0.3, 0.2]) ** 2
    assert shares(temperature=0.5) == pytest.approx(list(cold / cold.sum()), abs=1e-3)


# --- names ---


@pytest.mark.parametrize("spec", ["nonesuch", "./nowhere", "a/b/c", ""])
def test_an_unknown_policy_is_refused_with_what_there_is(spec):
    with pytest.raises(UserError, match="embedded, a folder with a model"):
        load_policy(spec)


def test_missing_weights_of_the_embedded_policy_say_how_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "path", lambda: tmp_path)
    with pytest.raises(UserError, match="arcbench pretrain"):
        load_policy("embedded")


def test_a_scripted_policy_gives_its_texts_in_turn_and_cuts_long_ones():
    policy = ScriptedPolicy(["a b c", "d"])
    found = sample(policy, [HELLO, HELLO], SamplingConfig(n=3, max_new_tokens=2))
    assert texts(found) == [["a b", "d", "a b"]] * 2
    assert [c.truncated for c in found[0]] == [True, False, True]
    assert policy.count_tokens(HELLO) == 2
    asked = ScriptedPolicy(lambda messages, j: f"{messages[-1]['content']} {j}")
    assert texts(sample(asked, [HELLO], SamplingConfig(n=2))) == [["one two 0", "one two 1"]]


# --- server ---


@pytest.fixture
def server():
    with answering() as httpd:
        yield httpd


def test_a_server_is_asked_for_n_samples_that_continue_the_prefix(server):
    policy = load_policy(server.url)
    assert policy.name == "small"
    prefix = [*HELLO, {"role": "assistant", "content": "Here:\n"}]
    found = sample(policy, [prefix, HELLO], SamplingConfig(n=2, top_k=5, seed=7))
    assert texts(found) == [["text 0", "text 1"]] * 2
    assert [c.finish_reason for c in found[0]] == ["stop", "length"]
    assert found[0][0].logprobs == (-0.5,)
    by_length = sorted(server.bodies, key=lambda body: len(body["messages"]))
    assert "continue_final_message" not in by_length[0]
    assert by_length[1]["continue_final_message"] is True
    assert by_length[1]["add_generation_prompt"] is False
    assert by_length[1]["top_k"] == 5
    assert policy.count_tokens(HELLO) == 7


def test_a_busy_server_is_asked_again_and_a_refusal_is_shown(server):
    policy = ServersPolicy([server.url], patience_s=1.0)
    server.plan = [503]
    assert len(sample(policy, [HELLO], SamplingConfig(n=1))[0]) == 1
    server.plan = [400]
    with pytest.raises(ServerGone, match=r"answered 400.*not now"):
        sample(policy, [HELLO], SamplingConfig(n=1))
    assert not server.plan


def test_connections_are_kept_until_the_server_closes_them(server):
    policy = ServersPolicy([server.url], patience_s=0.0)
    for _ in range(5):
        sample(policy, [HELLO], SamplingConfig(n=1))
    assert server.connections < 5
    time.sleep(0.5)  # the server has closed it, which is no failure
    assert len(sample(policy, [HELLO] * 3, SamplingConfig(n=1))) == 3


def test_requests_run_side_by_side_and_what_has_not_begun_ends_with_the_first_error(server):
    all_are_here = threading.Barrier(4)

    class Together(Answering):
        def choice(self, i):
            all_are_here.wait(60)
            return super().choice(i)

    with answering(handler=Together) as waiting:
        policy = ServersPolicy([waiting.url], concurrency=4, patience_s=0.0)
        assert len(sample(policy, [HELLO] * 4, SamplingConfig(n=1))) == 4
    policy = ServersPolicy([server.url], concurrency=4, patience_s=0.0)
    server.delay_s = 0.3
    server.plan = [400]
    with pytest.raises(ServerGone, match="answered 400"):
        sample(policy, [HELLO] * 100, SamplingConfig(n=1))
    assert len(server.bodies) < 20


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(ServerGone, match=r"127\.0\.0\.1:9/v1/models.*refused.*tried again"):
        ServersPolicy(["http://127.0.0.1:9/v1"], patience_s=0.0)


# --- worker ---


def test_a_worker_gives_what_the_policy_gives_and_raises_its_user_errors(server):
    with WorkerPolicy(server.url) as policy:
        assert texts(sample(policy, [HELLO] * 3, SamplingConfig(n=2))) == [["text 0", "text 1"]] * 3
        assert policy.name == "small"
        assert policy.count_tokens(HELLO) == 7
        server.plan = [400]
        with pytest.raises(UserError, match="answered 400"):
            sample(policy, [HELLO], SamplingConfig(n=1))
        assert len(sample(policy, [HELLO], SamplingConfig(n=1))[0]) == 1


def test_a_worker_with_an_unknown_policy_raises_the_same_error():
    with WorkerPolicy("nonesuch") as policy, pytest.raises(UserError, match="embedded"):
        policy.start()


def test_a_crashed_worker_is_reported_and_the_next_call_starts_a_new_one(server):
    with WorkerPolicy(server.url) as policy:
        policy.start()
        first = policy._child.pid
        server.delay_s = 30
        stream = policy.stream([HELLO], SamplingConfig(n=1))
        threading.Timer(0.2, os.kill, (first, signal.SIGKILL)).start()
        with pytest.raises(WorkerCrashed, match="ended with code -9"):
            next(stream)
        server.delay_s = 0
        assert policy.count_tokens(HELLO) == 7
        assert policy._child.pid != first


def test_a_stream_that_is_closed_early_leaves_the_worker_usable(server):
    with WorkerPolicy(server.url) as policy:
        stream = policy.stream([HELLO] * 200, SamplingConfig(n=3))
        next(stream)
        server.delay_s = 10_000.0  # what has been asked will never be answered
        while len(server.bodies) < server.answered + 20:
            time.sleep(0.02)
        stream.close()
        server.delay_s = 0.0
        assert len(sample(policy, [HELLO], SamplingConfig(n=2))[0]) == 2


def test_a_worker_dies_with_its_parent(server):
    code = (
        "import os, sys; from arcbench.policies.worker import WorkerPolicy\n"
        "p = WorkerPolicy(sys.argv[1]); p.start(); print(p._child.pid, flush=True)\n"
        "assert 'torch' not in sys.modules; os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while is_running(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.long
def test_a_worker_with_a_real_model_streams_and_can_be_cancelled(tokenizer, tmp_path):
    save_transformers(tiny_model(), tokenizer, tmp_path)
    asked = prompts(2)
    config = SamplingConfig(n=4, temperature=1, max_new_tokens=20)
    with WorkerPolicy(str(tmp_path)) as policy:
        found = sample(policy, asked, config)
        assert texts(found) == texts(sample(load_policy(str(tmp_path)), asked, config))
        assert policy.count_tokens(asked[0]) > 100
        long = SamplingConfig(n=64, temperature=1, max_new_tokens=2000)
        stream = policy.stream(asked, long)
        next(stream)
        start = time.monotonic()
        stream.close()
        policy.count_tokens(asked[0])
        assert time.monotonic() - start < 5
