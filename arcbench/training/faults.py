"""What ends a run without being a bug of ours: noticed at once, told in plain words.

A full disk, full memory and figures that are no numbers leave whatever was whole before as it was;
the run is marked as failed with the cause, and goes on from its newest checkpoint later.
"""

import math
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from arcbench.errors import UserError
from arcbench.files import disk_is_full
from arcbench.runs import RunStore
from arcbench.training.checks import out_of_memory
from arcbench.training.config import TrainConfig
from arcbench.training.recorder import newest_checkpoint


class Diverged(UserError):
    """The loss, the gradient or the weights are not finite; the message says at which step."""


def explain(error: BaseException, config: TrainConfig, store: RunStore) -> UserError | None:
    """The cause in plain words with what to do; None for what may be a bug of ours."""
    if isinstance(error, UserError):
        return error
    chain = list(_chain(error))
    for link in chain:
        if type(link).__name__ == "OutOfMemoryError":  # torch's; it is loaded late
            return out_of_memory(config, link)
        if isinstance(link, MemoryError) or "DefaultCPUAllocator: can't allocate" in str(link):
            return UserError(
                f"this machine's memory is full: {_first_line(link)}; lower grpo.micro_batch, "
                "lengths.max_completion_tokens or sandbox.workers, or end what else runs here"
            )
    full = next((link for link in chain if disk_is_full(link, store.path)), None)
    return None if full is None else UserError(_disk_full(full, store))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, the nearest first."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _disk_full(error: BaseException, store: RunStore) -> str:
    free = shutil.disk_usage(store.path).free / 1e6
    newest = newest_checkpoint(store)
    step, needs = 0, ""
    if newest is not None:
        step, folder = newest
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        needs = f" (a checkpoint takes {size / 1e6:,.1f} MB)"
    return (
        f"the disk is full: {_first_line(error)}; {free:,.1f} MB are free in {store.path}. Nothing "
        f"earlier is lost: make room{needs} and go on from step {step} with: arcbench train "
        f"--resume {store.path}"
    )


def _first_line(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__


def health_callback(store: RunStore) -> Any:
    """Ends a run at the first step whose figures are not finite, before anything of it is saved."""
    import torch
    from transformers import TrainerCallback

    class Health(TrainerCallback):  # type: ignore[misc]
        def on_log(
            self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], model: Any, **_: Any
        ) -> None:
            if "loss" not in logs:  # the summary at the end
                return
            figures = {"the loss": float(logs["loss"])}
            # An infinite gradient is how the loss scale of fp16 finds its size: such a step
            # changes no weights.
            if not args.fp16 and logs.get("grad_norm") is not None:
                figures["the norm of the gradient"] = float(logs["grad_norm"])
            # Weights that are spoilt spoil the next loss; only a checkpoint must not have them.
            if control.should_save or not _all_finite(figures):
                trained = [p.detach() for p in model.parameters() if p.requires_grad and p.numel()]
                largest = torch.nn.utils.get_total_norm(trained, norm_type=math.inf)
                figures["the largest weight"] = float(largest)
            if not _all_finite(figures):
                raise Diverged(_diverged(figures, int(state.global_step), store, fp16=args.fp16))

    return Health()


def _all_finite(figures: Mapping[str, float]) -> bool:
    return all(math.isfinite(value) for value in figures.values())


def _diverged(figures: Mapping[str, float], step: int, store: RunStore, *, fp16: bool) -> str:
    bad = [f"{what} is {value}" for what, value in figures.items() if not math.isfinite(value)]
    newest = newest_checkpoint(store)
    there = "there is no checkpoint yet" if newest is None else f"the newest is of step {newest[0]}"
    advice = "train with precision bf16" if fp16 else "lower grpo.learning_rate"
    return (
        f"at step {step} {' and '.join(bad)}: nothing would be learned from here on. These weights "
        f"were not saved ({there}). To get past it {advice}; metrics.jsonl shows what grew before"
    )
