import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.judge import score_execution
from arcbench.policies.base import Completion
from arcbench.rewards import scheme
from arcbench.rollouts import Rollout, rollout_to_dict
from arcbench.runs import MetricsReader, RunState, RunStore, free_name, list_runs
from arcbench.sandbox.types import Execution, Outcome
from arcbench.tasks import Pair, Task

GRID = as_grid([[1, 2], [3, 4]])
TASK = Task(id="t", train=(Pair(input=GRID, output=GRID),), test=(Pair(input=GRID, output=GRID),))


def make_rollout(step: int) -> Rollout:
    execution = Execution(outcome=Outcome.OK, outputs=(GRID, GRID))
    score = score_execution(TASK, execution)
    return Rollout(
        task_id="t",
        completion=Completion(text="x", token_ids=(1, 2)),
        code="c",
        step=step,
        execution=execution,
        score=score,
        reward=scheme("staged").reward(has_code=True, score=score),
    )


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore.create(tmp_path, "run", {"steps": 3})


def test_a_new_run_has_its_config_and_facts_and_has_not_started(store):
    assert store.config() == {"steps": 3}
    assert store.info()["packages"]["numpy"] == np.__version__
    assert store.status().state is RunState.CREATED
    assert store.metrics() == []
    assert store.rollout_steps() == []


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", ".hidden", "-x", "a\n", "x" * 101, "a b", ".."]
)
def test_a_name_that_could_leave_the_root_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="not a name"):
        RunStore.create(tmp_path / "root", name, {})
    assert not (tmp_path / "root").exists()


def test_a_taken_name_is_refused_and_the_next_free_one_offered(store, tmp_path):
    with pytest.raises(UserError, match="resume it, or choose another name"):
        RunStore.create(tmp_path, "run", {})
    assert store.config() == {"steps": 3}
    assert free_name(tmp_path, "run") == "run-2"
    assert free_name(tmp_path, "other") == "other"


def test_a_folder_without_config_is_no_run(tmp_path):
    with pytest.raises(UserError, match="no run in"):
        RunStore.open(tmp_path)


def test_runs_are_listed_newest_first_and_other_folders_are_not(tmp_path):
    for i, name in enumerate(["a", "b", "c"]):
        run = RunStore.create(tmp_path, name, {})
        os.utime(run.path / "config.json", (i, i))
    (tmp_path / "junk").mkdir()
    assert [r.name for r in list_runs(tmp_path)] == ["c", "b", "a"]
    assert list_runs(tmp_path / "nowhere") == []


def test_metrics_that_are_not_finite_become_null(store):
    store.append_metrics(1, {"a": float("nan"), "b": float("inf"), "c": 2})
    assert store.metrics() == [{"step": 1, "a": None, "b": None, "c": 2.0}]
    assert "NaN" not in store.metrics_file.read_text()


def test_rollouts_come_back_and_a_missing_step_names_those_there(store):
    store.write_rollouts(2, [make_rollout(2)])
    store.write_rollouts(11, [make_rollout(11)])
    assert store.rollout_steps() == [2, 11]
    assert [rollout_to_dict(r) for r in store.rollouts(2)] == [rollout_to_dict(make_rollout(2))]
    with pytest.raises(UserError, match="no rollouts of step 3; there are: steps 2-11"):
        store.rollouts(3)


def test_rewind_drops_what_came_after_and_a_torn_line(store):
    for step in (1, 2, 3):
        store.append_metrics(step, {"a": step})
        store.write_rollouts(step, [make_rollout(step)])
    with store.metrics_file.open("a") as f:
        f.write('{"step": 4, "a"')
    (store.path / "rollouts" / ".000004.parquet.1.partial").touch()
    store.rewind(2)
    assert [m["step"] for m in store.metrics()] == [1, 2]
    assert store.rollout_steps() == [1, 2]
    assert sorted(p.name for p in (store.path / "rollouts").iterdir()) == [
        "000001.parquet", "000002.parquet", "index.jsonl",
    ]  # fmt: skip
    store.append_metrics(3, {"a": 0})
    assert [m["step"] for m in store.metrics()] == [1, 2, 3]


def test_a_reader_notices_a_rewind_and_starts_again(store):
    reader = store.metrics_reader()
    assert reader.poll() == []
    for step in (1, 2, 3):
        store.append_metrics(step, {"old": 1})
    assert [m["step"] for m in reader.poll()] == [1, 2, 3]
    store.rewind(1)
    for step in (2, 3, 4):
        store.append_metrics(step, {"new": 1})
    assert [m["step"] for m in reader.poll()] == [1, 2, 3, 4]
    assert ["old" in m for m in reader.metrics] == [True, False, False, False]
    assert reader.poll() == []


lines = st.lists(
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False), max_size=3), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(lines=lines, cuts=st.lists(st.integers(0, 400), max_size=8))
def test_a_reader_sees_every_line_once_however_the_file_grows(lines, cuts, tmp_path_factory):
    path = tmp_path_factory.mktemp("reader") / "metrics.jsonl"
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    reader = MetricsReader(path)
    seen = []
    at = 0
    for cut in [*sorted(cuts), len(text)]:
        with path.open("ab") as f:
            f.write(text[at:cut])
        at = max(at, min(cut, len(text)))
        seen += reader.poll()
    assert seen == lines
    assert reader.metrics == lines


def test_a_run_whose_process_is_gone_has_died(store):
    code = (
        "import sys; from pathlib import Path; from arcbench.runs import *\n"
        "RunStore.open(Path(sys.argv[1])).set_status(RunState.RUNNING, step=7)"
    )
    subprocess.run([sys.executable, "-c", code, str(store.path)], check=True)
    status = store.status()
    assert (status.state, status.step) == (RunState.DIED, 7)
    assert status.state.over


def test_a_later_process_with_the_same_number_is_not_the_run(store):
    status = store.set_status(RunState.RUNNING, phase="training")
    assert store.status().state is RunState.RUNNING
    store.write_status(replace(status, pid_started=status.pid_started - 1))
    assert store.status().state is RunState.DIED


def test_a_run_on_another_machine_is_believed(store):
    status = store.set_status(RunState.RUNNING)
    store.write_status(replace(status, host="elsewhere", pid=2**22 + 1))
    assert store.status().state is RunState.RUNNING


def test_a_kill_in_the_middle_of_status_writes_leaves_a_whole_status(store):
    code = (
        "import sys; from pathlib import Path; from arcbench.runs import *\n"
        "s = RunStore.open(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    n += 1; s.set_status(RunState.RUNNING, step=n, reason='x' * 20000)\n"
        "    s.append_metrics(n, {'a': 1.0})\n"
        "    print(n, flush=True)"
    )
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(store.path)], stdout=subprocess.PIPE, text=True
        )
        while (process.stdout.readline() or "0") != "20\n":
            pass
        process.kill()
        process.wait()
        assert store.status().state is RunState.DIED
        assert store.status().step >= 20
        store.rewind(0)
    assert [p.name for p in store.path.glob(".*.partial")] == []
