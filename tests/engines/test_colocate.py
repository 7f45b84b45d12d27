"""Whole runs with a real vLLM in the trainer's process: healthy, and with TRL's sync swallowed."""

import subprocess
import sys
from pathlib import Path

import pytest

from arcbench.runs import RunState, RunStore
from arcbench.series import SYNC_GAP

SCRIPT = Path(__file__).with_name("colocate_run.py")


def run(folder: Path, syncs: str) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own, whose first `syncs` transfers arrive."""
    words = [sys.executable, str(SCRIPT), str(folder), syncs]
    return subprocess.run(words, capture_output=True, text=True, timeout=400, check=False)


def test_a_healthy_run_is_proved_and_checked_to_its_end(tmp_path):
    done = run(tmp_path, "all")
    assert done.returncode == 0, done.stdout + done.stderr
    store = RunStore.open(tmp_path / "run")
    assert store.status().state is RunState.FINISHED
    assert "weight sync: vllm-colocate follows the trainer" in store.log.read_text()
    gaps = [line[SYNC_GAP] for line in store.metrics() if SYNC_GAP in line]
    assert len(gaps) == 2  # in the first step nothing has moved since the proof
    assert max(gaps) < 1e-3


@pytest.mark.parametrize(
    ("syncs", "reason"),
    [("0", "does not get the trainer's weights"), ("3", "at step 2 vllm-colocate ")],
)
def test_a_swallowed_sync_stops_the_run_within_one_check(tmp_path, syncs, reason):
    assert run(tmp_path, syncs).returncode != 0
    status = RunStore.open(tmp_path / "run").status()
    assert status.state is RunState.FAILED
    assert reason in status.reason
