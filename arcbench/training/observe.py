"""Looks over the shoulder of TRL's trainer: the log-probabilities that it computes anyway.

They are taken where the loss is, before any cap, mask or clip, and cost no forward pass.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from arcbench.series_ratio import PolicySums, together
from arcbench.training.processes import ALONE, Processes
from arcbench.training.sampler import StepSampler
from arcbench.training.usage import Usage, usage

ENGINE = "engine_logps"  # our row in TRL's batch, shuffled and split with the others


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was seen of a step, by all processes."""

    sums: PolicySums
    usage: tuple[Usage, ...]  # of each process, the main one first
    generation_s: float  # of the main process: sampling, judging and scoring; 0: it did not sample
    spent_s: float  # that looking took, in the main process


@dataclass(kw_only=True, slots=True)
class Observer:
    """What this process's trainer has computed since the last step's line."""

    sampler: StepSampler
    processes: Processes = ALONE
    _parts: list[PolicySums] = field(default_factory=list)
    _learning: Any = None  # log-probabilities of the latest forward pass with a gradient
    _generation_s: float = 0.0
    _spent_s: float = 0.0

    def take(self) -> Seen:
        """The whole step, told to all processes; every one of them must call it."""
        started = time.perf_counter()
        everything = self.processes.gather((together(self._parts), usage()))
        seen = Seen(
            sums=together(sums for sums, _ in everything),
            usage=tuple(used for _, used in everything),
            generation_s=self._generation_s,
            spent_s=self._spent_s + time.perf_counter() - started,
        )
        self._parts = []
        self._generation_s = self._spent_s = 0.0
        return seen

    def generated(self, batch: dict[str, Any], seconds: float) -> None:
        """A batch was written, judged and scored; its rows are still as the sampler wrote them."""
        self._generation_s = seconds
        engine = self.sampler.drawn_logprobs
        if engine is None:
            return
        import torch

        started = time.perf_counter()
        ids = batch["completion_ids"]
        rows = torch.zeros(ids.shape, dtype=torch.float32)
        for row, values in zip(rows, engine, strict=True):
            row[: len(values)] = torch.tensor(values)
        batch[ENGINE] = rows.to(ids.device)
        self._spent_s += time.perf_counter() - started

    def scored(self, logprobs: Any) -> None:
        """The policy that learns has scored the completions of a micro-batch."""
        self._learning = logprobs.detach()

    def learned(self, batch: dict[str, Any]) -> None:
        """The loss of a micro-batch was computed."""
        if self._learning is None:
            return
        started = time.perf_counter()
        names = ("old_per_token_logps", ENGINE)
        sampled, engine = (_array(batch[n]) if n in batch else None for n in names)
        mask = batch["completion_mask"].bool().cpu().numpy()
        self._parts.append(PolicySums.of(_array(self._learning), sampled, engine, mask))
        self._learning = None
        self._spent_s += time.perf_counter() - started


def observed(trainer: type[Any], observer: Observer) -> type[Any]:
    """TRL's GRPOTrainer, telling the observer what it computes."""

    class ObservedTrainer(trainer):  # type: ignore[misc]
        def _generate_and_score_completions(self, inputs: Any) -> Any:
            started = time.perf_counter()
            batch = super()._generate_and_score_completions(inputs)
            observer.generated(batch, time.perf_counter() - started)
            return batch

        def _get_per_token_logps_and_entropies(self, *args: Any, **options: Any) -> Any:
            found = super()._get_per_token_logps_and_entropies(*args, **options)
            if options.get("compute_entropy"):  # as for the loss, and for nothing else
                observer.scored(found[0])
            return found

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            loss = super()._compute_loss(model, inputs)
            observer.learned(inputs)
            return loss

    return ObservedTrainer


def _array(values: Any) -> Any:
    return values.float().cpu().numpy()
