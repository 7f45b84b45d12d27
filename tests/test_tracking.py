"""Trackers get what the run's own folder gets, under the same names."""

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from arcbench.runs import RunStore
from arcbench.training.config import TrackingConfig, TrainConfig
from arcbench.training.tracking import options
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import make_config

TRAIN = """
import sys
from pathlib import Path
from arcbench.training.grpo import resume
resume(Path(sys.argv[1]), steps=int(sys.argv[2]))
"""


def test_nobody_is_told_unless_named(tmp_path):
    store = RunStore.create(tmp_path, "quiet", {})
    assert options(TrainConfig(), store) == {}
    told = TrainConfig(tracking=TrackingConfig(report_to=("trackio",), project="mine"))
    assert list(options(told, store)) == ["trackio"]
    assert options(told, store)["trackio"]["project"] == "mine"
    assert options(told, store)["trackio"]["name"] == "quiet"
    assert options(told, store)["trackio"]["config"]["grpo.num_generations"] == 8


@pytest.mark.long
@pytest.mark.slow
def test_trackio_gets_every_line_of_a_run_and_of_its_continuation_without_a_network(tmp_path):
    model = save_tiny_policy(tmp_path / "tiny")
    tracking = TrackingConfig(report_to=("trackio",), project="mine")
    config = replace(make_config(model, steps=4, checkpoint_every=2), tracking=tracking)
    store = RunStore.create(tmp_path, "told", config.to_dict())
    env = {**os.environ, "TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1"}
    for steps in (2, 4):
        command = [sys.executable, "-c", TRAIN, str(store.path), str(steps)]
        subprocess.run(command, env=env, check=True)
    with sqlite3.connect(tmp_path / "trackio" / "mine.db") as db:
        rows = db.execute("SELECT run_name, step, metrics FROM metrics ORDER BY step").fetchall()
        (settings,) = db.execute("SELECT config FROM configs").fetchone()
    assert {name for name, _, _ in rows} == {"told"}
    lines = store.metrics()
    assert [step for _, step, _ in rows] == [1, 2, 3, 4]
    for (_, _, told), line in zip(rows, lines, strict=True):
        assert json.loads(told) == {k: v for k, v in line.items() if k != "step" and v is not None}
    assert json.loads(settings)["grpo.learning_rate"] == 1e-2
