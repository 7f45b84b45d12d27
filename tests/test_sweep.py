import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcbench import jobs
from arcbench.errors import UserError
from arcbench.runs import RunState, RunStore, list_runs
from arcbench.training.config import GrpoConfig, LengthConfig, PolicyConfig, overfit_config
from arcbench.training.sweep import (
    LEARNING_RATE,
    Axis,
    SweepFolder,
    SweepPlan,
    axis,
    make_plan,
    overfit_base,
)
from arcbench.training.sweep_results import collect
from arcbench.training.sweep_run import SweepRunner, alone, chosen_slots, environment
from tests.tiny_policy import save_tiny_policy

TASK = "67a3c6ac"
RATES = Axis(name=LEARNING_RATE, values=("1e-5", "1e-4", "1e-3"))


@pytest.fixture
def base():
    return overfit_base(TASK)


def test_a_plan_has_every_value_with_every_seed_and_nothing_else_changes(base):
    plan = make_plan(base, [RATES], changes=["steps=20"], seeds=(0, 7))
    assert [(p.values, p.seed) for p in plan.points] == [
        ((rate,), seed) for rate in RATES.values for seed in (0, 7)
    ]
    for point in plan.points:
        expected = replace(overfit_config(TASK), steps=20, seed=point.seed).to_dict()
        expected["grpo"]["learning_rate"] = float(point.values[0])
        expected["measure"]["samples"] = 0
        assert point.config == expected


def test_several_settings_make_a_grid_and_lists_stand_in_brackets(base):
    axes = [axis("data.tasks=[67a3c6ac, 68b16354], 67a3c6ac"), axis("grpo.num-generations=4,8")]
    plan = make_plan(base, axes)
    assert list(plan.values) == [
        ("[67a3c6ac, 68b16354]", "4"), ("[67a3c6ac, 68b16354]", "8"),
        ("67a3c6ac", "4"), ("67a3c6ac", "8"),
    ]  # fmt: skip
    assert [p.config["data"]["tasks"] for p in plan.points[1:3]] == [
        ["67a3c6ac", "68b16354"],
        ["67a3c6ac"],
    ]
    assert [p.config["grpo"]["num_generations"] for p in plan.points] == [4, 8, 4, 8]


@settings(max_examples=10)
@given(
    st.lists(st.sampled_from(["staged", "arc25-v1", "arc25-v2"]), unique=True, min_size=1),
    st.lists(st.integers(1, 9), unique=True, min_size=1, max_size=2),
)
def test_a_plan_reads_back_as_it_was_and_its_runs_have_names_of_their_own(rewards, seeds):
    axes = [axis(f"reward={','.join(rewards)}"), RATES]
    plan = make_plan(overfit_base(TASK), axes, seeds=seeds)
    assert len(plan.points) == len(rewards) * 3 * len(seeds)
    assert len({p.run for p in plan.points}) == len(plan.points)
    assert SweepPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(
    ("axes", "seeds", "words"),
    [
        ([Axis(name=LEARNING_RATE, values=("1e-5", "-1"))], (), ["learning_rate=-1", "positive"]),
        ([Axis(name=LEARNING_RATE, values=("1e-5", "fast"))], (), ["fast", "float"]),
        ([axis("grpo.learning_rat=1e-5")], (), ["learning_rat", "learning_rate"]),
        ([axis("data.tasks=67a3c6ac,00000000")], (), ["data.tasks=00000000"]),
        ([axis("policy.model=embedded,/no/such")], (), ["policy.model=/no/such"]),
        ([axis("grpo.loss_type=dapo,luspo")], (), ["luspo", "importance_sampling_level"]),
        ([Axis(name=LEARNING_RATE, values=("1e-5", "0.00001"))], (), ["same settings"]),
        ([RATES, axis("grpo.learning_rate=1,2")], (), ["swept twice"]),
        ([axis("seed=1,2")], (), ["--seeds"]),
        ([RATES], (1, 1), ["seed twice"]),
        ([], (1,), ["nothing to sweep"]),
    ],
)
def test_what_cannot_be_run_is_refused_and_the_point_named(base, axes, seeds, words):
    with pytest.raises(UserError) as error:
        make_plan(base, axes, seeds=seeds)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("text", ["steps", "steps=", "=1,2", "steps=1,1"])
def test_a_word_that_is_no_axis_is_refused(text):
    with pytest.raises(UserError):
        axis(text)


def test_a_sweep_is_no_run_but_its_runs_are(base, tmp_path):
    plan = make_plan(base, [RATES])
    folder = SweepFolder.create(tmp_path, "rates", plan)
    RunStore.create(folder.path, plan.points[0].run, plan.points[0].config)
    assert list_runs(tmp_path) == []
    assert [r.name for r in list_runs(folder.path)] == [plan.points[0].run]
    assert folder.plan() == plan
    with pytest.raises(UserError, match="--resume"):
        SweepFolder.create(tmp_path, "rates", plan)
    with pytest.raises(UserError, match=r"no sweep\.json"):
        SweepFolder.open(tmp_path)


def test_only_one_process_runs_a_sweep(base, tmp_path):
    folder = SweepFolder.create(tmp_path, "rates", make_plan(base, [RATES]))
    with alone(folder), pytest.raises(UserError, match=f"process {os.getpid()}"), alone(folder):
        pass
    with alone(folder):  # the first has let it go
        pass


def test_a_sweep_whose_runs_are_finished_starts_nothing_and_tells_the_same_again(base, tmp_path):
    recorded = json.loads((Path(__file__).parent / "sweep_runs.json").read_text())
    rates = Axis(name=LEARNING_RATE, values=tuple(recorded))
    plan = make_plan(base, [rates], changes=["steps=15", "checkpoint_every=15"])
    folder = SweepFolder.create(tmp_path, "rates", plan)
    for point in plan.points:
        store = RunStore.create(folder.path, point.run, point.config)
        for line in recorded[point.values[0]]["metrics"]:
            store.append_metrics(line["step"], {k: v for k, v in line.items() if k != "step"})
        store.set_status(RunState.FINISHED, step=15, total_steps=15)
    (folder.path / ".results.json.1.partial").write_text("{")  # of a kill
    said: list[str] = []
    results = SweepRunner(folder=folder, plan=plan, say=said.append).run()
    assert said == []
    assert {v.values[0]: v.verdict for v in results.values} == {
        rate: run["verdict"] for rate, run in recorded.items()
    }
    written = json.loads(folder.results_file.read_text())
    assert written["runs"] == {"finished": 6}
    ruined = written["values"][-1]
    assert ruined["verdict"] == "destroyed"
    assert ruined["reward_first"] == 3.5
    assert ruined["reward_last"] == -1.0
    assert ruined["solve_last"] == 0.0
    assert folder.chart_file.read_bytes().startswith(b"\x89PNG")
    assert list(folder.path.glob(".*.partial")) == []


def test_before_the_first_step_everything_is_undecided(base, tmp_path):
    folder = SweepFolder.create(tmp_path, "rates", make_plan(base, [RATES]))
    results = collect(folder, folder.plan())
    assert [v.verdict for v in results.values] == ["undecided"] * 3
    assert [v.reward_last for v in results.values] == [None] * 3


def test_runs_side_by_side_share_gpus_or_cores(base, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    plan = make_plan(base, [RATES])
    assert chosen_slots(plan, None, None) == (1, ("0", "3"))
    assert chosen_slots(plan, None, "3,0") == (2, ("3", "0"))
    assert chosen_slots(plan, 4, "3") == (4, ("3",))
    for parallel, gpus in ((1, "0,3"), (None, "1"), (None, "0,0"), (0, None)):
        with pytest.raises(UserError):
            chosen_slots(plan, parallel, gpus)
    on_cpu = make_plan(base, [RATES], changes=["device=cpu"])
    assert chosen_slots(on_cpu, 2, None) == (2, ())
    assert environment(plan.points[0], "3", 4) == {"CUDA_VISIBLE_DEVICES": "3"}
    cores = len(os.sched_getaffinity(0))
    assert environment(plan.points[0], None, cores) == {"OMP_NUM_THREADS": "1"}
    assert environment(plan.points[0], None, 1) == {}


def test_a_job_whose_starter_dies_before_it_is_on_record_never_begins(tmp_path):
    begun = tmp_path / "begun"
    # What `jobs.launch` runs, and the death of who runs it: the end of its pipe.
    command = [*jobs.AFTER_A_WORD, "touch", str(begun)]
    assert subprocess.run(command, input=b"", check=False).returncode != 0
    assert not begun.exists()
    assert subprocess.run(command, input=b"go\n", check=False).returncode == 0
    assert begun.exists()


# The whole way


def tiny_settings(folder: Path, **changes) -> Path:
    """A file with settings of runs that take 0.1 s a step."""
    config = overfit_config(
        TASK,
        policy=PolicyConfig(model=str(save_tiny_policy(folder / "policy"))),
        lengths=LengthConfig(max_completion_tokens=6),
        grpo=GrpoConfig(num_generations=8),
        threads=1,
        device="cpu",
        **changes,
    ).to_dict()
    del config["measure"]
    path = folder / "tiny.json"
    path.write_text(json.dumps(config))
    return path


def start(*words) -> subprocess.Popen:
    command = [sys.executable, "-m", "arcbench", "sweep", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until(condition, process, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def status(path: Path):
    return RunStore.open(path).status() if (path / "status.json").is_file() else None


@pytest.mark.slow
@pytest.mark.long
def test_a_killed_sweep_goes_on_with_neither_gap_nor_double(tmp_path):
    file = tiny_settings(tmp_path, steps=60, checkpoint_every=5)
    folder = tmp_path / "runs" / "two"
    words = ["--config", file, "--lr", "1e-2", "1e-6", "--parallel", 2]
    process = start(*words, "--runs", tmp_path / "runs", "--name", "two")
    first, second = folder / "0-learning_rate-1e-2-seed-0", folder / "1-learning_rate-1e-6-seed-0"

    def pids():
        return [s.pid if (s := status(p)) else 0 for p in (first, second)]

    # Only the sweep is killed, while its runs are still coming up: they are taken over.
    def running():
        # A run that its starter has not yet told to go ends with it.
        return all((s := status(p)) and s.phase not in ("", "starting") for p in (first, second))

    wait_until(running, process, "both have begun")
    begun = pids()
    process.kill()
    process.wait()
    process = start("--resume", folder, "--parallel", 2)

    # The sweep and one of its runs are killed in the middle; the other runs on by itself.
    wait_until(lambda: status(first).step >= 8, process, "the first is in the middle")
    assert pids() == begun
    process.kill()
    os.kill(begun[0], signal.SIGKILL)
    process.wait()
    assert status(first).step < 60

    process = start("--resume", folder, "--parallel", 2)
    out = process.communicate(timeout=120)[0]
    assert process.returncode == 0, out
    assert pids()[0] != begun[0]
    assert pids()[1] == begun[1]
    for path in (first, second):
        store = RunStore.open(path)
        assert store.status().state is RunState.FINISHED
        assert [m["step"] for m in store.metrics()] == list(range(1, 61))
        assert store.rollout_steps() == list(range(1, 61))
    assert (first / "log.txt").read_text().count("from step") == 1
    assert "from step" not in (second / "log.txt").read_text()
    results = {
        v["values"][0]: v for v in json.loads((folder / "results.json").read_text())["values"]
    }
    assert results["1e-2"]["verdict"] == "learning"
    assert results["1e-6"]["verdict"] == "flat"
    assert (folder / "sweep.png").stat().st_size > 10_000


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_fails_does_not_end_the_sweep_and_sigterm_leaves_it_resumable(tmp_path):
    file = tiny_settings(tmp_path, steps=4000, checkpoint_every=5)
    folder = tmp_path / "runs" / "s"
    words = ["--config", file, "--over", "lengths.max_prompt_tokens=2,4096"]
    process = start(*words, "--runs", tmp_path / "runs", "--name", "s")
    short, long = (
        folder / "0-max_prompt_tokens-2-seed-0",
        folder / "1-max_prompt_tokens-4096-seed-0",
    )
    wait_until(lambda: (s := status(long)) and s.step >= 1, process, "the second trains")
    assert status(short).state is RunState.FAILED
    process.send_signal(signal.SIGTERM)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "SIGTERM" in out
    assert f"arcbench sweep --resume {folder}" in out
    stopped = status(long)
    assert stopped.state is RunState.STOPPED
    steps = [m["step"] for m in RunStore.open(long).metrics()]
    assert steps == list(range(1, stopped.step + 1))
    assert (long / "checkpoints" / f"checkpoint-{stopped.step}" / "whole.json").is_file()
