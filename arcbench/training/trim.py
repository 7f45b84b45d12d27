"""Less padding in the trainer's passes: completions with prompts of like length learn together.

TRL pads all prompts of a sampling to the longest and shuffles them into micro-batches, each of that
length. ARC's prompts differ by a factor of ten, so that most of what a pass reads would be padding.
"""

from collections.abc import Sequence
from typing import Any

from arcbench.training.config import TrainConfig

Batch = dict[str, Any]


def trimmed(trainer: type[Any], config: TrainConfig) -> type[Any]:
    """TRL's GRPOTrainer with less padding; what is learned is the same up to rounding.

    Unsloth's passes have their own form and stay as they are.
    """
    if config.policy.unsloth:
        return trainer
    sorts = _may_sort(config)

    class TrimmedTrainer(trainer):  # type: ignore[misc]
        _buffered_inputs: list[Batch] | None  # TRL's, of the whole sampling

        def _prepare_inputs(self, generation_batch: Any) -> Any:
            before = self._buffered_inputs
            inputs = super()._prepare_inputs(generation_batch)
            buffered = self._buffered_inputs
            if not sorts or buffered is None or buffered is before:
                return inputs
            step = self.args.gradient_accumulation_steps
            self._buffered_inputs = [
                batch
                for first in range(0, len(buffered), step)
                for batch in by_length(buffered[first : first + step])
            ]
            return self._buffered_inputs[self._step % self.args.steps_per_generation]

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            return super()._compute_loss(model, without_padding(inputs))

    return TrimmedTrainer


def _may_sort(config: TrainConfig) -> bool:
    """Whether a step's loss is the same however its completions are put into micro-batches."""
    return config.grpo.loss_type != "bnpo" and config.grpo.top_entropy_quantile == 1


def by_length(batches: Sequence[Batch]) -> list[Batch]:
    """The same rows in batches of the same size, those with the longest prompts first."""
    import torch

    if len(batches) == 1:
        return list(batches)
    lengths = torch.cat([b["prompt_mask"].sum(dim=1) for b in batches])
    order = torch.argsort(lengths, descending=True, stable=True)
    rows = len(lengths) // len(batches)
    places = [order[first : first + rows] for first in range(0, len(order), rows)]
    made: list[Batch] = [dict(b) for b in batches]
    for key, value in batches[0].items():
        if isinstance(value, torch.Tensor) and value.ndim:
            joined = torch.cat([b[key] for b in batches])
            for batch, place in zip(made, places, strict=True):
                batch[key] = joined[place.to(joined.device)]
    return made


def without_padding(batch: Batch) -> Batch:
    """The batch without the columns in which no prompt, or no completion, has a token."""
    import torch

    width = batch["completion_mask"].shape[1]
    prompts = batch["prompt_mask"].any(dim=0).nonzero()
    completions = batch["completion_mask"].any(dim=0).nonzero()
    first = int(prompts[0]) if len(prompts) else 0
    # One column stays where all completions are masked: the loss needs a shape.
    last = int(completions[-1]) + 1 if len(completions) else 1
    found = dict(batch)
    for key, value in batch.items():
        if not isinstance(value, torch.Tensor) or value.ndim != 2:
            continue
        if key in ("prompt_ids", "prompt_mask"):
            found[key] = value[:, first:]
        elif value.shape[1] == width:
            found[key] = value[:, :last]
    return found
