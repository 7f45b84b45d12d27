"""The command for expert iteration."""

from pathlib import Path
from typing import Annotated

import tyro

from arcbench.errors import UserError
from arcbench.training.expert_config import ExpertConfig
from arcbench.training.presets import PRESET_HELP, read_training


def expert_iteration(
    preset: Annotated[str | None, tyro.conf.arg(help=PRESET_HELP)] = None,
    config: Path | None = None,
    changes: Annotated[tuple[str, ...], tyro.conf.arg(name="set")] = (),
    expert: ExpertConfig = ExpertConfig(),  # noqa: B008  (frozen)
    minutes: float | None = None,
    seed: int | None = None,
    resume: Path | None = None,
    name: str | None = None,
    runs: Path = Path("runs"),
) -> None:
    """Sample, keep the programs that are right on all train pairs, fine-tune on them, and again.

    Data, policy, lengths, sampling and time are set as for `arcbench train`, so that the two can be
    compared at equal time. The run folder is like that of `train`, with a round for a step.

    Args:
        config: the settings from a file, JSON or YAML.
        changes: settings by name, as for train, e.g. data.part=train.
        expert: rounds, samples, and what is kept of them.
        minutes: another limit of the run's time than the settings say.
        seed: another seed than the settings say.
        resume: the folder of an expert iteration to go on with.
        name: of the run folder.
        runs: where run folders lie.
    """
    from arcbench.training.expert import iterate
    from arcbench.training.expert import resume as go_on

    if resume is not None:
        own = preset or config or changes or minutes is not None or seed is not None
        if own or name is not None or expert != ExpertConfig():
            raise UserError("--resume goes on with the run's own settings: give nothing beside it")
        go_on(resume)
        return
    settings = read_training(preset, config, changes, max_minutes=minutes, seed=seed)
    iterate(settings, expert, root=runs, name=name)
