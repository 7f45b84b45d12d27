"""Supervised fine-tuning of a policy on programs, by TRL's SFTTrainer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IGNORED = -100  # the label of tokens that are not learned


@dataclass(kw_only=True, slots=True)
class FineTuner:
    """Fine-tunes one model again and again; the optimiser keeps its moments."""

    model: Any
    tokenizer: Any
    folder: Path  # for what the trainer writes: nothing but its arguments
    learning_rate: float
    batch: int  # examples a step
    micro_batch: int  # examples a forward pass
    seed: int
    gpu: bool
    bf16: bool
    _optimizer: Any = None

    def fit(self, examples: Sequence[tuple[Sequence[int], Sequence[int]]], epochs: int) -> float:
        """Learn the completions of (prompt ids, completion ids); returns the mean loss."""
        from datasets import Dataset
        from torch.optim import AdamW
        from torch.optim.lr_scheduler import LambdaLR
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        if self._optimizer is None:
            self._optimizer = AdamW(self.model.parameters(), lr=self.learning_rate, weight_decay=0)
        micro = min(self.micro_batch, len(examples))
        args = SFTConfig(
            output_dir=str(self.folder),
            num_train_epochs=epochs,
            per_device_train_batch_size=micro,
            gradient_accumulation_steps=max(1, min(self.batch, len(examples)) // micro),
            learning_rate=self.learning_rate,
            max_length=None,
            packing=False,
            save_strategy="no",
            logging_strategy="epoch",
            report_to="none",
            disable_tqdm=True,
            use_cpu=not self.gpu,
            bf16=self.bf16,
            gradient_checkpointing=False,
            seed=self.seed,
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        trainer = SFTTrainer(
            model=self.model,
            args=args,
            train_dataset=Dataset.from_list([example(p, c) for p, c in examples]),
            processing_class=self.tokenizer,
            optimizers=(self._optimizer, LambdaLR(self._optimizer, lambda _: 1.0)),
        )
        trainer.remove_callback(PrinterCallback)
        loss: float = trainer.train().training_loss
        return loss


def example(prompt: Sequence[int], completion: Sequence[int]) -> Mapping[str, list[int]]:
    """A row of the trainer's data: only the completion is learned."""
    return {
        "input_ids": [*prompt, *completion],
        "labels": [IGNORED] * len(prompt) + list(completion),
    }
