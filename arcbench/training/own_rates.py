"""The pass rates that a run's tasks are chosen by, in the run's own folder."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from arcbench.evaluation import TaskCount
from arcbench.policies.base import Message
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig
from arcbench.training.config_data import BEFORE
from arcbench.training.curriculum import read_pass_rates, write_pass_rates
from arcbench.training.data import OWN_RATES, PromptSource, prompt_source
from arcbench.training.measure import Measurement


def with_own_rates(config: TrainConfig, store: RunStore) -> TrainConfig:
    """The settings with the run's own copy of the pass rates, which is made once.

    The tasks of a resumed run are the same, whatever became of the file that they came from.
    """
    if config.data.signal_from in (None, BEFORE):
        return config
    own = _own_file(store)
    if not own.is_file():
        counts = read_pass_rates(Path(str(config.data.signal_from)))
        write_pass_rates(own, counts, str(config.data.signal_from))
    return _chosen_by(own, config, store)


def with_measured_rates(config: TrainConfig, store: RunStore, before: Measurement) -> TrainConfig:
    """The settings with what the run has measured before training as its pass rates."""
    own = _own_file(store)
    counts = {t: TaskCount(samples=before.samples, solved=n) for t, n in before.solved.items()}
    write_pass_rates(own, counts, f"{store.name}: measured before training")
    return _chosen_by(own, config, store)


def measured_source(
    config: TrainConfig,
    count_tokens: Callable[[Sequence[Message]], int],
    before: Measurement,
) -> PromptSource:
    """The prompts of all tasks that were measured before, in the order of then."""
    data = replace(config.data, signal_from=None, min_signal=0.1, weights="equal")
    source, _ = prompt_source(replace(config, data=data), count_tokens)
    tasks = tuple(t for t in source.tasks if t.id in before.solved)
    return replace(source, tasks=tasks, weights=(1.0,) * len(tasks))


def _own_file(store: RunStore) -> Path:
    return (store.path / OWN_RATES).resolve()


def _chosen_by(own: Path, config: TrainConfig, store: RunStore) -> TrainConfig:
    if config.data.signal_from == str(own):
        return config
    config = replace(config, data=replace(config.data, signal_from=str(own)))
    store.write_config(config.to_dict())
    return config
