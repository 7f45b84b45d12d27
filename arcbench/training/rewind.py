"""Healthy checkpoints, and going back to one: nothing is lost, and a kill at any instant is mended.

A healthy checkpoint is a second name of a rolling one (hard links), which outlives it. To go back
is a plan in the file `rewind.json`, and steps that may each be done again; `finish` does them after
a kill. What was recorded after the checkpoint is moved to `abandoned/<n>/`.
"""

import errno
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from arcbench.files import write_json, write_text
from arcbench.runs import RunStore
from arcbench.training.config import TrainConfig

PLAN = "rewind.json"
ABANDONED = "abandoned"
_HEALTHY, _ROLLING = "healthy-", "checkpoint-"
_WHOLE = "whole.json"
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # of the file system
_UNDONE = ".undone"  # what is being copied or dropped


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewind:
    """A decision to go back."""

    number: int  # counts from 1
    from_step: int
    to_step: int
    learning_rate: float  # from now on
    was: float
    reason: str

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"back from step {self.from_step} to the healthy checkpoint of step {self.to_step}, "
            f"learning rate {self.was:.2g} → {self.learning_rate:.2g} (rewind {self.number}), "
            f"because of {self.reason}; what came after it is in {ABANDONED}/{self.number}"
        )


def healthy_steps(store: RunStore) -> list[int]:
    """The steps of the healthy checkpoints, in order."""
    whole = store.checkpoints.glob(f"{_HEALTHY}*/{_WHOLE}")
    return sorted(int(p.parent.name.removeprefix(_HEALTHY)) for p in whole)


def keep_healthy(store: RunStore, step: int, keep: int) -> None:
    """Keep the whole rolling checkpoint of that step apart, and of all such the newest `keep`."""
    _sweep(store)
    folder = store.checkpoints / f"{_HEALTHY}{step}"
    if folder.exists():
        _drop(folder)
    link(store.checkpoints / f"{_ROLLING}{step}", folder)
    for old in healthy_steps(store)[:-keep]:
        _drop(store.checkpoints / f"{_HEALTHY}{old}")


def target(store: RunStore, before: int) -> int | None:
    """The newest healthy step before what was found began, else the oldest; None without any."""
    steps = healthy_steps(store)
    early = [s for s in steps if s < before]
    return early[-1] if early else next(iter(steps), None)


def begin(store: RunStore, plan: Rewind) -> None:
    """Decide: from here on the run goes back, whatever becomes of this process."""
    write_json(store.path / PLAN, asdict(plan))


def finish(store: RunStore) -> Rewind | None:
    """Carry a decided rewind out, or the rest of it; None where nothing was decided.

    Afterwards config.json has the new learning rate, `checkpoints/` the healthy checkpoint as its
    newest, and metrics and rollouts end with it.
    """
    file = store.path / PLAN
    if not file.is_file():
        return None
    plan = Rewind(**json.loads(file.read_text()))
    _sweep(store)
    folder = store.path / ABANDONED / str(plan.number)
    _set_aside(store, plan.to_step, folder)
    store.rewind(plan.to_step)
    # Before any other is dropped: at every instant there is a whole one to go on from.
    _restore(store, plan.to_step)
    for kind in (_ROLLING, _HEALTHY):
        for later in store.checkpoints.glob(f"{kind}*"):
            if int(later.name.removeprefix(kind)) > plan.to_step:
                _drop(later)
    _note(store, plan)
    file.unlink()
    return plan


def _set_aside(store: RunStore, step: int, folder: Path) -> None:
    """Move what was recorded after `step`; what an earlier try has moved is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(".*.partial"):
        leftover.unlink()
    later = [m for m in store.metrics() if (m["step"] or 0) > step]
    lines = folder / "metrics.jsonl"
    if not lines.is_file():
        write_text(lines, "".join(json.dumps(m) + "\n" for m in later))
    rollouts = store.path / "rollouts"
    (folder / "rollouts").mkdir(exist_ok=True)
    for file in rollouts.glob("*.parquet"):
        if file.stem.isdecimal() and int(file.stem) > step:
            file.replace(folder / "rollouts" / file.name)


def _restore(store: RunStore, step: int) -> None:
    rolling = store.checkpoints / f"{_ROLLING}{step}"
    if not (rolling / _WHOLE).is_file():
        if rolling.exists():
            _drop(rolling)
        link(store.checkpoints / f"{_HEALTHY}{step}", rolling)


def _note(store: RunStore, plan: Rewind) -> None:
    """The new learning rate into config.json, the rewind into info.json."""
    config = TrainConfig.from_dict(store.config())
    grpo = replace(config.grpo, learning_rate=plan.learning_rate)
    store.write_config(replace(config, grpo=grpo).to_dict())
    known: list[Mapping[str, Any]] = store.info().get("rewinds", [])
    earlier = [r for r in known if r["number"] != plan.number]
    store.add_info(rewinds=[*earlier, asdict(plan)])


def link(folder: Path, to: Path) -> None:
    """A second name for all files of a folder, whole or not at all; copies where links fail."""
    partial = to.with_name(f".{to.name}{_UNDONE}")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(folder, partial, copy_function=_link_file)
    partial.rename(to)


def _drop(folder: Path) -> None:
    """Remove a folder of checkpoints; what a kill leaves of it is no checkpoint any more."""
    undone = folder.with_name(f".{folder.name}{_UNDONE}")
    shutil.rmtree(undone, ignore_errors=True)
    folder.rename(undone)
    shutil.rmtree(undone)


def _sweep(store: RunStore) -> None:
    """Remove what a kill has left of copying and dropping."""
    for undone in store.checkpoints.glob(f".*{_UNDONE}"):
        shutil.rmtree(undone)


def _link_file(source: str, to: str) -> str:
    try:
        os.link(source, to)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(source, to)
    return to


def rate_callback(learning_rate: Callable[[], float]) -> Any:
    """Sets the learning rate when training begins: a checkpoint brings the one that it was made at.

    `learning_rate` is asked for it. The schedule keeps its course.
    """
    from transformers import TrainerCallback

    class Rate(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, _state: Any, _control: Any, **kwargs: Any) -> None:
            rate = args.learning_rate = learning_rate()
            schedule = kwargs["lr_scheduler"]
            schedule = getattr(schedule, "scheduler", schedule)  # accelerate wraps it
            for i, group in enumerate(kwargs["optimizer"].param_groups):
                was = schedule.base_lrs[i]
                if was and was != rate:
                    group["lr"] *= rate / was
                    group["initial_lr"] = rate
                    schedule.base_lrs[i] = rate
                    schedule._last_lr[i] *= rate / was

    return Rate()
