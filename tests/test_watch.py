"""The guard: what it tells, how it stops a run or goes back, and what a kill in between costs."""

import json
import os
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from arcbench.diagnostics import Kind, diagnose_run
from arcbench.errors import UserError
from arcbench.runs import RunState, RunStore
from arcbench.training import rewind
from arcbench.training.config import GuardConfig, LoraConfig, PolicyConfig, TrainConfig
from arcbench.training.watch import read_findings
from tests.guarded_course import CUT, guarded, guarded_course
from tests.tiny_policy import save_tiny_policy
from tests.tiny_runs import assert_same_course

OFF = GuardConfig(action="off")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def rewound(model, tmp_path_factory) -> RunStore:
    from arcbench.training.grpo import train

    return train(guarded(model, CUT), root=tmp_path_factory.mktemp("runs"), name="rewound")


def steps(path: Path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


# Settings


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"action": "sleep"}, "value of guard.action"),
        ({"action": "stop", "lr_factor": 0.5}, "lr_factor does nothing with guard.action stop"),
        ({"patience": 9}, "patience does nothing with guard.action warn"),
        ({"action": "off", "keep_healthy": 3}, "keep_healthy does nothing"),
        ({"action": "rewind", "lr_factor": 1.0}, "lr_factor must be between 0 and 1, not 1.0"),
        ({"action": "stop", "kinds": ("tired",)}, "unknown guard.kinds 'tired'"),
        ({"action": "stop", "kinds": ()}, "never acts"),
    ],
)
def test_a_guard_that_could_not_do_what_it_is_told_is_refused(changes, told):
    with pytest.raises(UserError, match=told):
        GuardConfig(**changes)


def test_a_guard_survives_its_way_through_json():
    config = TrainConfig(guard=CUT)
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


# Going back, on paper


def collapsed(path: Path) -> RunStore:
    """A run folder after eight steps with checkpoints that say which step they are of."""
    store = RunStore.create(path, "run", TrainConfig(guard=CUT).to_dict())
    (store.path / "rollouts").mkdir()
    for step in range(1, 9):
        store.append_metrics(step, {"reward/mean": step})
        (store.path / "rollouts" / f"{step:06d}.parquet").write_text(str(step))
        folder = store.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "weights").write_text(f"of step {step}")
        (folder / "whole.json").write_text("{}")
        if step in (2, 4, 8):
            rewind.keep_healthy(store, step, 9)
        if step < 7:
            shutil.rmtree(folder)
    return store


PLAN = rewind.Rewind(
    number=1, from_step=8, to_step=4, learning_rate=5e-5, was=1e-4, reason="gibberish"
)


def contents(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): p.read_text()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in ("status.json", ".lock")
    }


def test_healthy_checkpoints_outlive_the_rolling_ones_and_the_oldest_go_first(tmp_path):
    store = collapsed(tmp_path)
    assert rewind.healthy_steps(store) == [2, 4, 8]
    assert (store.checkpoints / "healthy-2" / "weights").read_text() == "of step 2"
    rewind.keep_healthy(store, 7, 2)
    assert rewind.healthy_steps(store) == [7, 8]


def test_a_run_goes_back_to_the_newest_healthy_step_before_it_went_wrong(tmp_path):
    store = collapsed(tmp_path)
    assert [rewind.target(store, before) for before in (9, 8, 3, 1)] == [8, 4, 2, 2]
    shutil.rmtree(store.checkpoints)
    assert rewind.target(store, 9) is None


def test_going_back_keeps_what_it_leaves(tmp_path):
    store = collapsed(tmp_path)
    assert rewind.finish(store) is None
    rewind.begin(store, PLAN)
    assert rewind.finish(store) == PLAN
    assert rewind.finish(store) is None
    assert [m["step"] for m in store.metrics()] == store.rollout_steps() == [1, 2, 3, 4]
    aside = store.path / "abandoned" / "1"
    assert steps(aside / "metrics.jsonl") == [5, 6, 7, 8]
    assert {p.stem: p.read_text() for p in (aside / "rollouts").iterdir()} == {
        f"{step:06d}": str(step) for step in (5, 6, 7, 8)
    }
    assert sorted(p.name for p in store.checkpoints.iterdir()) == [
        "checkpoint-4", "healthy-2", "healthy-4",
    ]  # fmt: skip
    assert (store.checkpoints / "checkpoint-4" / "weights").read_text() == "of step 4"
    assert store.config()["grpo"]["learning_rate"] == 5e-5
    assert store.info()["rewinds"] == [asdict(PLAN)]


def die_at(event: int, store: RunStore) -> bool:
    """Finish the rewind in another process that ends at its so-manieth line; whether it did."""
    pid = os.fork()
    if pid == 0:
        left = event

        def trace(frame, _what, _arg):
            nonlocal left
            if not any(word in frame.f_code.co_filename for word in ("arcbench", "shutil")):
                return None
            left -= 1
            if left < 0:
                os._exit(9)
            return trace

        sys.settrace(trace)
        rewind.finish(store)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.long
@pytest.mark.slow
def test_a_kill_at_any_line_of_going_back_is_mended_by_the_next_start(tmp_path):
    whole = collapsed(tmp_path / "whole")
    rewind.begin(whole, PLAN)
    rewind.finish(whole)
    expected = contents(whole.path)
    start = collapsed(tmp_path / "start")
    rewind.begin(start, PLAN)
    event, killed = 0, True
    while killed:
        store = RunStore(tmp_path / f"try{event}" / "run")
        shutil.copytree(start.path, store.path)
        killed = die_at(event, store)
        there = [p.parent.name for p in store.checkpoints.glob("*-4/whole.json")]
        assert there, f"no whole checkpoint after line {event}"
        rewind.finish(store)
        found = contents(store.path)
        found["info.json"] = found["info.json"].replace(str(store.path), str(whole.path))
        assert found.keys() == expected.keys(), event
        assert {k: v for k, v in found.items() if k != "info.json"} == {
            k: v for k, v in expected.items() if k != "info.json"
        }
        assert store.info()["rewinds"] == [asdict(PLAN)]
        shutil.rmtree(store.path.parent)
        event += 1 + event // 5  # densely at first, then further apart
    assert event > 100  # it did die on the way


# Real runs


@pytest.mark.long
@pytest.mark.parametrize("lora", [None, LoraConfig(rank=4, alpha=8)])
def test_a_rewound_run_goes_the_course_of_one_resumed_there_with_the_smaller_rate(
    model, lora, rewound, tmp_path
):
    from arcbench.training.grpo import resume, train

    config = guarded(model, CUT, policy=PolicyConfig(model=str(model), lora=lora))
    store = rewound if lora is None else train(config, root=tmp_path, name="rewound")
    status = store.status()
    assert status.state is RunState.STOPPED
    assert "rewinds did not help (1 of 1)" in status.reason
    acts = read_findings(store)["acts"]
    assert [a["action"] for a in acts] == ["rewind", "stop"]
    to = acts[0]["to_step"]
    assert 0 < to < acts[0]["step"]
    assert [m["step"] for m in store.metrics()] == list(range(1, status.step + 1))
    assert store.rollout_steps() == list(range(1, status.step + 1))
    aside = store.path / "abandoned" / "1"
    assert steps(aside / "metrics.jsonl") == list(range(to + 1, acts[0]["step"] + 1))
    assert len(list((aside / "rollouts").glob("*.parquet"))) == acts[0]["step"] - to
    assert store.config()["grpo"]["learning_rate"] == 0.005
    assert [m["train/learning_rate"] for m in store.metrics()] == [
        pytest.approx(0.01 if m["step"] <= to else 0.005) for m in store.metrics()
    ]
    # The same from its healthy checkpoint, in a process that knows nothing of what was.
    other = RunStore(tmp_path / "resumed")
    shutil.copytree(store.path, other.path)
    for folder in other.checkpoints.glob("checkpoint-*"):
        shutil.rmtree(folder)
    (other.checkpoints / f"healthy-{to}").rename(other.checkpoints / f"checkpoint-{to}")
    grpo = replace(config.grpo, learning_rate=0.005)
    other.write_config(replace(config, grpo=grpo, guard=OFF, steps=status.step).to_dict())
    resume(other.path)
    assert_same_course(store, other)


@pytest.mark.slow
def test_a_stopped_run_says_why_and_goes_on_without_being_stopped_for_the_same(model, tmp_path):
    from arcbench.training.grpo import resume, train

    guard = GuardConfig(action="stop", kinds=("truncated",), severity="warning", patience=0)
    store = train(guarded(model, guard), root=tmp_path, name="stopped")
    status = store.status()
    assert status.state is RunState.STOPPED
    assert "the guard stopped the run because of truncated since step" in status.reason
    assert status.step == store.metrics()[-1]["step"] < 10
    [act] = read_findings(store)["acts"]
    assert act["finding"]["kind"] == "truncated"
    resume(store.path)
    assert store.status().state is RunState.FINISHED
    assert [m["step"] for m in store.metrics()] == list(range(1, 11))
    assert len(read_findings(store)["acts"]) == 1


@pytest.mark.long
@pytest.mark.slow
def test_a_guard_that_warns_changes_nothing_and_tells_each_finding_once(model, tmp_path):
    from arcbench.training.grpo import train

    warned = train(guarded(model, GuardConfig()), root=tmp_path, name="warned")
    silent = train(guarded(model, OFF), root=tmp_path, name="silent")
    assert_same_course(warned, silent)
    said = [x for x in warned.log.read_text().splitlines() if "truncated" in x]
    assert len(said) == 1
    assert "lengths.max_completion_tokens" in said[0]
    assert "truncated" not in silent.log.read_text()
    assert not (silent.path / "findings.json").exists()
    written = {f["kind"] for f in read_findings(warned)["findings"]}
    assert written == {f.kind.value for f in diagnose_run(warned)} >= {Kind.TRUNCATED.value}


@pytest.mark.long
@pytest.mark.slow
def test_a_run_that_was_killed_while_it_went_back_is_resumed_from_the_healthy_step(
    rewound, tmp_path
):
    from arcbench.training.grpo import resume

    store = RunStore(tmp_path / "killed")
    shutil.copytree(rewound.path, store.path)
    step = rewind.healthy_steps(store)[0]
    config = TrainConfig.from_dict(store.config())
    store.write_config(replace(config, guard=OFF).to_dict())
    plan = replace(PLAN, number=2, to_step=step, learning_rate=1e-3, was=5e-3)
    rewind.begin(store, plan)  # and there it was killed
    resume(store.path)
    assert store.status().state is RunState.FINISHED
    assert [m["step"] for m in store.metrics()] == list(range(1, 11))
    assert store.metrics()[-1]["train/learning_rate"] == pytest.approx(1e-3)
    assert (store.path / "abandoned" / "2" / "metrics.jsonl").is_file()
    assert not (store.path / rewind.PLAN).exists()


# What is done, step by step


def test_a_guard_that_rewinds_goes_back_as_often_as_it_may_and_then_stops():
    config = TrainConfig(guard=GuardConfig(action="rewind", max_rewinds=2))
    course = guarded_course(config)
    gone_back = [x for x in course if x.startswith("(")]
    assert gone_back == ["(15, 3e-05)", "(15, 9e-06)", gone_back[-1]]
    assert "rewinds did not help (2 of 2)" in course[-2]
    assert gone_back[-1].endswith("[15, 20])")


def test_a_guard_waits_for_the_severity_and_patience_that_it_is_told():
    ends = {}
    for severity, patience in (("warning", 0), ("critical", 0), ("critical", 4)):
        guard = GuardConfig(action="stop", severity=severity, patience=patience)
        step, _ = guarded_course(TrainConfig(guard=guard))[-1].strip("(").split(",", 1)
        ends[severity, patience] = int(step)
    assert 20 < ends["warning", 0] < 40 < ends["critical", 0]
    assert ends["critical", 4] == ends["critical", 0] + 4


def test_a_guard_that_is_off_reads_nothing_and_keeps_nothing():
    assert guarded_course(TrainConfig(guard=OFF)) == ["(60, [])"]
