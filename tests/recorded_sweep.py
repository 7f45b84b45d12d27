"""A sweep over learning rates as it was recorded, made again in a folder."""

import json
from pathlib import Path

from arcbench.runs import RunState, RunStore
from arcbench.training.sweep import LEARNING_RATE, Axis, SweepFolder, make_plan, overfit_base

TASK = "67a3c6ac"


def made_sweep(root: Path, name: str) -> SweepFolder:
    """Six learning rates, one run each, all of them finished."""
    recorded = json.loads((Path(__file__).parent / "sweep_runs.json").read_text())
    rates = Axis(name=LEARNING_RATE, values=tuple(recorded))
    changes = ["steps=15", "checkpoint_every=15"]
    plan = make_plan(overfit_base(TASK), [rates], changes=changes)
    folder = SweepFolder.create(root, name, plan)
    for point in plan.points:
        store = RunStore.create(folder.path, point.run, point.config)
        for line in recorded[point.values[0]]["metrics"]:
            store.append_metrics(line["step"], {k: v for k, v in line.items() if k != "step"})
        store.set_status(RunState.FINISHED, step=15, total_steps=15)
    return folder
