import numpy as np
import pytest

from arcbench.training.bridge import advantages


def trl_advantages(rewards_PG, scale):
    """The lines of TRL's trainer, with its own helper."""
    import torch
    from trl.trainer.utils import nanstd

    size = len(rewards_PG[0])
    rewards = torch.tensor(rewards_PG, dtype=torch.float32).flatten()
    mean = torch.nanmean(rewards.view(-1, size), dim=1).repeat_interleave(size, dim=0)
    if scale == "batch":
        std = nanstd(rewards).expand_as(rewards)
    else:
        std = nanstd(rewards.view(-1, size), dim=1).repeat_interleave(size, dim=0)
    result = rewards - mean
    if scale != "none":
        result = result / (std + 1e-4)
    return result.view(-1, size).tolist()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_advantages_are_those_of_trl(scale):
    rng = np.random.default_rng(0)
    for shape in [(1, 2), (3, 8), (2, 16)]:
        rewards = rng.choice([-1.0, 0.0, 1.0, 9.0], size=shape).tolist()
        ours = advantages(rewards, scale)
        assert np.allclose(ours, trl_advantages(rewards, scale), atol=1e-5)


def test_a_group_without_differences_has_no_advantage():
    assert advantages([[2.0, 2.0], [0.0, 4.0]], "group")[0] == [0.0, 0.0]


def test_what_is_better_than_its_group_is_favoured():
    (row,) = advantages([[0.0, 0.0, 9.0]], "none")
    assert row == [-3.0, -3.0, 6.0]
    (row,) = advantages([[0.0, 0.0, 9.0]], "group")
    assert row[2] == pytest.approx(6 / (9 / 3**0.5 + 1e-4), rel=1e-5)
