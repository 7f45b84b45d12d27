"""A new run from the weights of an old one's checkpoint; resuming is another thing (see `jobs`)."""

from dataclasses import replace
from pathlib import Path

from arcbench.errors import UserError, unknown
from arcbench.policies.sources import WHOLE
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.rewind import link

_KEPT = "kept-"  # what a new run began with: the old one's going on must not take it away
# The rolling ones, and those that the guard keeps beside them.
_KINDS = ("checkpoint-", "healthy-", _KEPT)


def checkpoints(store: RunStore) -> dict[int, Path]:
    """The folders of the whole checkpoints by their step, in order."""
    found = {
        int(mark.parent.name.removeprefix(kind)): mark.parent
        for kind in reversed(_KINDS)  # a rolling one tells its run, so it is taken where both are
        for mark in store.checkpoints.glob(f"{kind}*/{WHOLE}")
    }
    return dict(sorted(found.items()))


def continued(
    store: RunStore,
    step: int,
    *,
    steps: int | None = None,
    learning_rate: float | None = None,
) -> TrainConfig:
    """The settings of a run that begins with the weights after `step`, with a fresh optimiser.

    What is left out is as in the old run, which keeps the checkpoint from now on. UserError where
    there is no such whole checkpoint.
    """
    there = checkpoints(store)
    if not there:
        raise UserError(f"run {store.name} has no whole checkpoint yet to go on from")
    if step not in there:
        raise unknown(f"checkpoint of run {store.name}", step, there)
    config = TrainConfig.from_dict(store.config())
    folder, policy = str(_kept(store, step, there[step]).resolve()), config.policy
    if policy.lora is None:
        policy = replace(policy, model=folder)
    else:  # an adapter brings its own settings
        policy = replace(policy, adapter=folder, lora=None)
    grpo = config.grpo
    if learning_rate is not None:
        grpo = replace(grpo, learning_rate=learning_rate)
    return replace(config, policy=policy, grpo=grpo, steps=config.steps if steps is None else steps)


def _kept(store: RunStore, step: int, found: Path) -> Path:
    """A second name of the checkpoint's files, which stays while rolling ones come and go."""
    kept = store.checkpoints / f"{_KEPT}{step}"
    if not kept.exists():
        try:
            link(found, kept)
        except OSError as error:
            if not kept.exists():  # else another process did the same
                raise UserError(
                    f"checkpoint {step} of run {store.name} went away meanwhile: choose a newer one"
                ) from error
    return kept
