"""A policy run by a real vLLM on the CPU: the same prompts, draws that depend on nothing else."""

import itertools
import subprocess
import sys

import psutil
import pytest

from arcbench.errors import UserError
from arcbench.policies import (
    Ask,
    SamplingConfig,
    load_policy,
    load_tokenizer,
    model_path,
    sample,
)
from arcbench.policies.worker import WorkerPolicy
from arcbench.prompts import PromptTemplate
from arcbench.synth.generate import generate
from tests.adapted import save_adapter

OPTIONS = {"dtype": "float32", "max_num_seqs": 8, "max_model_len": 3072, "enforce_eager": True}
GREEDY = SamplingConfig(n=1, temperature=0, max_new_tokens=60)
FREE = SamplingConfig(temperature=1.0, max_new_tokens=40, seed=5)


@pytest.fixture(scope="module")
def asked():
    template, count = PromptTemplate.load("arcbench"), load_tokenizer("embedded").count_tokens
    made = (template.messages(generate(1, index).task) for index in itertools.count())
    return list(itertools.islice((m for m in made if count(m) < 2000), 5))


@pytest.fixture(scope="module")
def policy():
    made = load_policy("embedded", engine="vllm", **OPTIONS)
    yield made
    made.close()


def drawn(policy, asks, config=FREE):
    return {
        (s.prompt_index, s.sample_index): s.completion for s in policy.stream_asks(asks, config)
    }


def agree(found, wanted):
    """Token for token, with the same log-probabilities."""
    for (one,), (other,) in zip(found, wanted, strict=True):
        assert one.text == other.text
        assert (one.token_ids, one.finish_reason) == (other.token_ids, other.finish_reason)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-3)


def test_greedy_completions_are_those_of_transformers(policy, asked):
    assert policy.name == "arcbench-16m"
    own = load_policy("embedded", dtype="float32")
    agree(sample(policy, asked, GREEDY), sample(own, asked, GREEDY))
    assert policy.count_tokens(asked[0]) == own.count_tokens(asked[0])


def test_what_is_drawn_depends_on_nothing_else_that_is_asked(policy, asked):
    asks = [Ask(prompt_index=i, count=20, messages=m) for i, m in enumerate(asked)]
    whole = drawn(policy, asks)
    assert sorted(whole) == [(i, j) for i in range(5) for j in range(20)]
    assert len({c.text for c in whole.values()}) > 10
    later = [Ask(prompt_index=i, first_sample=13, count=7, messages=asked[i]) for i in (3, 1)]
    found = drawn(policy, later)
    assert sorted(found) == [(i, j) for i in (1, 3) for j in range(13, 20)]
    # Rounding may turn a token at the edge.
    assert sum(whole[key].token_ids == c.token_ids for key, c in found.items()) >= 13


def test_a_stream_that_is_closed_frees_the_engine_for_the_next(policy, asked):
    wanted = drawn(policy, [Ask(prompt_index=0, messages=asked[0])])
    long = SamplingConfig(n=50, temperature=2.0, max_new_tokens=500)
    stream = policy.stream(asked, long)
    next(stream)
    stream.close()
    assert drawn(policy, [Ask(prompt_index=0, messages=asked[0])]) == wanted
    stream = policy.stream(asked, long)
    next(stream)
    policy.cancel()
    assert sum(1 for _ in stream) < 50


def test_a_prompt_that_is_too_long_is_named(policy, asked):
    with pytest.raises(UserError, match=r"prompt 0 has \d+ tokens; with 3000 new ones"):
        sample(policy, asked, SamplingConfig(max_new_tokens=3000))


def test_an_adapter_is_applied_and_a_killed_process_leaves_no_engine(tmp_path, asked):
    adapter = str(save_adapter(model_path("embedded"), tmp_path / "adapter"))
    own = load_policy("embedded", adapter=adapter, dtype="float32")
    wanted = sample(own, asked[:2], GREEDY)
    options = {**OPTIONS, "adapter": adapter, "engine": "vllm"}
    with WorkerPolicy("embedded", **options) as worker:
        agree(sample(worker, asked[:2], GREEDY), wanted)
        assert worker.name == "adapter"
        child = psutil.Process(worker._child.pid)
        below = child.children(recursive=True)
        assert any("EngineCore" in p.name() for p in below)
        child.kill()
        _, left = psutil.wait_procs(below, timeout=30)
        assert not left


def test_an_engine_that_cannot_start_says_why():
    code = (
        "from arcbench.policies import load_policy\n"
        "from arcbench.errors import UserError\n"
        "try: load_policy('embedded', engine='vllm', max_model_len=10**7)\n"
        "except UserError as error: print('said:', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "said: vLLM does not start with" in done.stdout
    assert "max_model_len" in done.stdout
