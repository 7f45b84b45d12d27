"""What a run is told at its edges: whether it can go on, and a last word where it cannot."""

import os
from dataclasses import replace

from arcbench.console import RunLog
from arcbench.errors import UserError
from arcbench.runs import RunState, RunStore
from arcbench.training import rewind
from arcbench.training.clock import ended_at
from arcbench.training.config import TrainConfig
from arcbench.training.lifeline import End
from arcbench.training.recorder import newest_checkpoint


def resumable(store: RunStore, config: TrainConfig, steps: int | None) -> TrainConfig:
    """The settings to go on with, `steps` another last step.

    UserError if the run is still going or has nothing left to do.
    """
    if store.info().get("method") == "expert iteration":
        raise UserError(
            f"run {store.name} is an expert iteration: go on with "
            f"arcbench expert-iteration --resume {store.path}"
        )
    status = store.status()
    if status.state is RunState.RUNNING and status.pid != os.getpid():
        raise UserError(f"run {store.name} is running (process {status.pid}): stop it first")
    if status.state is not RunState.RUNNING:
        store.stop_file.unlink(missing_ok=True)  # left by a run that was killed
    if rewind.finish(store) is not None:  # a kill came between the decision and its end
        config = TrainConfig.from_dict(store.config())
    if steps is not None and steps != config.steps:
        config = replace(config, steps=steps)
        store.write_config(config.to_dict())
    newest = newest_checkpoint(store)
    if status.state is RunState.FINISHED and newest and newest[0] >= config.steps:
        raise UserError(f"run {store.name} has done its {config.steps} steps: give it more")
    if status.state is RunState.FINISHED and newest and newest[0] == ended_at(store):
        raise UserError(
            f"run {store.name} has used its max_minutes {config.max_minutes}: train its policy on "
            f"in another run, with --set policy.model={store.path}"
        )
    return config


def give_up_with(store: RunStore, log: RunLog, end: End) -> None:
    """Leave the last word of a run whose main thread hangs because another process has ended."""
    state = RunState.STOPPED if end.how == "stopped" else RunState.FAILED
    reason = end.reason if end.how == "stopped" else str(end)
    log.write_file(f"{end.trace}{state.value}: {reason}\n")
    store.set_status(state, phase="", reason=reason)
