"""Which of torch's attention kernels training keeps away from."""

import pytest
import torch  # noqa: TID253

from arcbench.policies import embedded
from arcbench.training.build import prepare_libraries


def test_training_never_attends_with_cudnn():
    torch.backends.cuda.enable_cudnn_sdp(True)
    prepare_libraries()
    assert not torch.backends.cuda.cudnn_sdp_enabled()


@pytest.mark.gpu
@pytest.mark.slow
def test_gradients_are_finite_for_prompts_padded_to_every_length_that_was_seen_to_fail():
    from transformers import AutoModelForCausalLM

    prepare_libraries()
    model = AutoModelForCausalLM.from_pretrained(embedded.path(), dtype=torch.float32).cuda()
    for length in (192, 320, 448):
        ids = torch.randint(10, 1300, (2, length), device="cuda")
        mask = torch.ones_like(ids)
        mask[0, :40] = 0
        model.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        logits[:, -20:].float().log_softmax(-1)[..., 5].mean().backward()
        assert all(bool(torch.isfinite(p.grad).all()) for p in model.parameters()), length
