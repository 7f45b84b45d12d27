"""What is drawn for a sample of a prompt is the same whatever else is asked, in any pieces."""

import itertools
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.policies import Ask, SamplingConfig, ScriptedPolicy, load_policy, sample
from arcbench.policies.worker import WorkerPolicy
from tests.tiny_policy import save_tiny_policy

WORDS = ("black blue", "red", "Example Input: green yellow Output: gray", "pink " * 40)
PROMPTS = [[{"role": "user", "content": words}] for words in WORDS]
CONFIG = SamplingConfig(temperature=1.0, max_new_tokens=12, seed=11)
SAMPLES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module", params=["shared prefix", "generate"])
def policy(folder, request):
    made = load_policy(str(folder), engine="transformers", device="cpu")
    made._shared = request.param == "shared prefix"
    return made


def ask(prompt_index, first, count):
    return Ask(
        prompt_index=prompt_index,
        first_sample=first,
        count=count,
        messages=PROMPTS[prompt_index],
    )


def drawn(policy, asks, config=CONFIG):
    found = [
        (s.prompt_index, s.sample_index, s.completion.text)
        for s in policy.stream_asks(asks, config)
    ]
    assert len(found) == sum(a.count for a in asks)
    return {(i, j): text for i, j, text in found}


@pytest.fixture(scope="module")
def whole(policy):
    found = drawn(policy, [ask(i, 0, SAMPLES) for i in range(len(PROMPTS))])
    assert len(set(found.values())) > SAMPLES
    return found


@st.composite
def pieces(draw):
    """Some of the samples, cut into asks, in any order."""
    asks = []
    for i in draw(st.sets(st.integers(0, len(PROMPTS) - 1), min_size=1)):
        cuts = sorted(draw(st.sets(st.integers(0, SAMPLES), min_size=2, max_size=5)))
        asks += [ask(i, a, b - a) for a, b in itertools.pairwise(cuts)]
    return draw(st.permutations(asks))


@settings(max_examples=20, deadline=None)
@given(asks=pieces())
def test_what_is_drawn_does_not_depend_on_what_else_is_asked(policy, whole, asks):
    found = drawn(policy, asks)
    assert found == {key: whole[key] for key in found}


def test_a_prompt_that_is_asked_for_in_pieces_is_read_once(folder, monkeypatch):
    policy = load_policy(str(folder), device="cpu")
    read = []
    forward = policy.model.forward

    def counted(**inputs):
        read.append(inputs["input_ids"].shape[1])
        return forward(**inputs)

    monkeypatch.setattr(policy.model, "forward", counted)
    drawn(policy, [ask(i, j, 2) for j in (0, 3, 7) for i in (3, 0)])
    assert sum(length > 1 for length in read) == 2


def test_whole_prompts_are_samples_from_the_first_on(policy, whole):
    found = sample(
        policy, PROMPTS, SamplingConfig(n=5, temperature=1.0, max_new_tokens=12, seed=11)
    )
    assert {(i, j): c.text for i, row in enumerate(found) for j, c in enumerate(row)} == {
        (i, j): text for (i, j), text in whole.items() if j < 5
    }


def test_a_scripted_policy_gives_the_text_of_the_number():
    asks = [ask(2, 3, 2), ask(0, 0, 1)]
    scripted = ScriptedPolicy(lambda messages, j: f"{messages[0]['content'].split()[0]} {j}")
    assert drawn(scripted, asks) == {(2, 3): "Example 3", (2, 4): "Example 4", (0, 0): "black 0"}


@pytest.mark.long
def test_a_worker_draws_the_same_with_the_engine_and_options_that_it_was_given(folder):
    own = load_policy(str(folder), device="cpu")
    asks = [ask(0, 5, 4), ask(2, 0, 3)]
    with WorkerPolicy(str(folder), engine="transformers", device="cpu") as worker:
        assert drawn(worker, asks) == drawn(own, asks)
        long = SamplingConfig(temperature=1.0, max_new_tokens=900)
        with closing(worker.stream_asks([ask(0, 0, 5000)], long)) as stream:
            next(stream)
        assert drawn(worker, asks) == drawn(own, asks)
    with (
        WorkerPolicy(str(folder), engine="nonesuch") as worker,
        pytest.raises(
            UserError, match="unknown engine 'nonesuch'; one of: auto, transformers, vllm"
        ),
    ):
        worker.start()


def test_engines_are_refused_where_they_cannot_run(folder):
    with pytest.raises(UserError, match="unknown engine 'sglang'"):
        load_policy(str(folder), engine="sglang")
    with pytest.raises(UserError, match="a server has its own engine"):
        load_policy("http://127.0.0.1:9/v1", engine="vllm")
