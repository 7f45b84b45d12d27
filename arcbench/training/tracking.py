"""Tells a run's metrics to trackio, wandb or TensorBoard: the lines of metrics.jsonl, name by name.

They are told as they come. A run that was killed tells the steps that it repeats once more, while
its own folder has each step once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import isfinite
from typing import Any

from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig

Tell = Callable[[int, Mapping[str, float]], None]  # a step and its metrics


def told_nobody(_step: int, _metrics: Mapping[str, float]) -> None:
    """For a run that only its own folder is told of."""


@contextmanager
def trackers(config: TrainConfig, store: RunStore, done: int) -> Iterator[Tell]:
    """Yields what tells a step's metrics to all trackers; `done` steps are told already.

    What is not finite is left out. Leaving the block waits until everything has arrived.
    """
    kinds = {"trackio": _trackio, "wandb": _wandb, "tensorboard": _tensorboard}
    with ExitStack() as stack:
        told = [
            stack.enter_context(kinds[name](store, done, how))
            for name, how in options(config, store).items()
        ]

        def tell(step: int, metrics: Mapping[str, float]) -> None:
            finite = {name: float(x) for name, x in metrics.items() if isfinite(x)}
            for one in told:
                one(step, finite)

        yield tell


def options(config: TrainConfig, store: RunStore) -> dict[str, dict[str, Any]]:
    """How each tracker of a run is started, by name."""
    run = {"project": config.tracking.project, "name": store.name}
    known: dict[str, dict[str, Any]] = {
        "trackio": {**run, "config": _flat(config.to_dict())},
        "wandb": {**run, "config": config.to_dict(), "dir": str(store.path)},
        "tensorboard": {"log_dir": str(store.path / "tensorboard")},
    }
    return {name: known[name] for name in config.tracking.report_to}


@contextmanager
def _trackio(_store: RunStore, _done: int, how: Mapping[str, Any]) -> Iterator[Tell]:
    import trackio

    run = trackio.init(**how, resume="allow", embed=False)
    try:
        yield lambda step, metrics: run.log(dict(metrics), step=step)
    finally:
        trackio.finish()


@contextmanager
def _wandb(store: RunStore, _done: int, how: Mapping[str, Any]) -> Iterator[Tell]:
    import wandb

    # What the first start made goes on, whatever else has its name.
    run = wandb.init(**how, id=store.info().get("wandb"), resume="allow")
    store.add_info(wandb=run.id)
    try:
        yield lambda step, metrics: run.log(dict(metrics), step=step)
    finally:
        run.finish()


@contextmanager
def _tensorboard(_store: RunStore, done: int, how: Mapping[str, Any]) -> Iterator[Tell]:
    from torch.utils.tensorboard import SummaryWriter

    # What an earlier start told beyond `done` is not shown any more.
    with SummaryWriter(**how, purge_step=done + 1) as writer:

        def tell(step: int, metrics: Mapping[str, float]) -> None:
            for name, value in metrics.items():
                writer.add_scalar(name, value, step)

        yield tell


def _flat(tree: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """The settings by their dotted names, as `--set` has them."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{where}{name}.")
        else:
            flat[f"{where}{name}"] = value
    return flat
