"""min_p and the repetition penalty, against transformers' own implementation of them."""

import pytest

from arcbench.policies.base import SamplingConfig

LOGITS = [[2.0, 1.0, 0.0, -1.0], [0.5, 0.4, -3.0, 3.0]]


def drawn(config: SamplingConfig, seen=None) -> list[set[int]]:
    """Every token that noise over all of [0, 1) can give, row by row."""
    import torch

    from arcbench.policies.decoding import pick

    logits = torch.tensor(LOGITS)
    found: list[set[int]] = [set(), set()]
    for noise in torch.linspace(0, 0.9999, 4000):
        tokens, _ = pick(logits, noise.expand(2), config, seen)
        for row, token in enumerate(tokens.tolist()):
            found[row].add(token)
    return found


@pytest.mark.parametrize("min_p", [0.01, 0.1, 0.5, 0.9])
def test_min_p_leaves_the_tokens_that_transformers_leaves(min_p):
    import torch
    from transformers import MinPLogitsWarper

    kept = MinPLogitsWarper(min_p)(None, torch.tensor(LOGITS)).isfinite()
    expected = [set(row.nonzero()[:, 0].tolist()) for row in kept]
    assert drawn(SamplingConfig(temperature=1.0, min_p=min_p)) == expected


def test_the_penalty_is_that_of_transformers_and_the_recorded_logprob_is_without_it():
    import torch
    from transformers import RepetitionPenaltyLogitsProcessor

    from arcbench.policies.decoding import pick

    logits = torch.tensor(LOGITS)
    ids = torch.tensor([[0, 3], [3, 3]])
    seen = torch.zeros(2, 4, dtype=torch.bool).scatter_(1, ids, True)
    punished = RepetitionPenaltyLogitsProcessor(4.0)(ids, logits.clone())
    config = SamplingConfig(temperature=0, repetition_penalty=4.0)
    tokens, logprobs = pick(logits, torch.zeros(2), config, seen)
    assert tokens.tolist() == punished.argmax(-1).tolist() == [1, 3]
    assert logprobs.tolist() == pytest.approx(
        logits.log_softmax(-1).gather(1, tokens[:, None])[:, 0].tolist()
    )


def test_a_penalty_reaches_tokens_of_the_prompt_and_those_already_written(tmp_path):
    from arcbench.policies.base import sample
    from arcbench.policies.transformers import TransformersPolicy
    from tests.tiny_policy import save_tiny_policy

    policy = TransformersPolicy.load(save_tiny_policy(tmp_path))
    message = {"role": "user", "content": "Red Blue Red"}

    def repeats(penalty: float) -> float:
        """Their share: completions that end early have fewer of all."""
        config = SamplingConfig(
            n=64, temperature=1.0, max_new_tokens=8, repetition_penalty=penalty, seed=3
        )
        prompt = policy.chat.ids([message])
        found = []
        for completion in sample(policy, [[message]], config)[0]:
            before = set(prompt)
            for token in completion.token_ids:
                found.append(token in before)
                before.add(token)
        return sum(found) / len(found)

    assert repeats(1e4) < repeats(1.0) < repeats(1e-4)
