import json
import time

import pytest

from arcbench.errors import UserError
from arcbench.grids import as_grid
from arcbench.judge import Attempt, Judge
from arcbench.judge_file import judge_file
from arcbench.policies.base import Completion
from arcbench.rewards import SCHEMES
from arcbench.rollouts import rollout_to_dict
from arcbench.sandbox import Limits, Outcome, SandboxPool
from arcbench.tasks import Pair, Task, TaskSet

FLIP = Task(
    id="flip",
    train=(
        Pair(input=as_grid([[1, 2], [3, 4]]), output=as_grid([[2, 1], [4, 3]])),
        Pair(input=as_grid([[5, 6]]), output=as_grid([[6, 5]])),
    ),
    test=(Pair(input=as_grid([[7, 8, 9]]), output=as_grid([[9, 8, 7]])),),
)
UNKNOWN = Task(id="unknown", train=FLIP.train, test=(Pair(input=as_grid([[7, 8]])),))
TASKS = TaskSet(name="two tasks", tasks={t.id: t for t in (FLIP, UNKNOWN)})


def completion(body, closed=True):
    return f"```python\ndef transform(grid):\n    {body}\n" + ("```" if closed else "")


RIGHT = completion("return grid[:, ::-1]")
SAME = completion("return grid")
HALF = completion("return grid[:, ::-1] if grid.shape[0] == 1 else 1 / 0")
ENDLESS = completion("while True: pass")


@pytest.fixture(scope="module")
def judge():
    with SandboxPool(workers=2, limits=Limits(timeout_s=1.0)) as pool:
        yield Judge(pool=pool, scheme=SCHEMES["staged"])


def attempts(*texts, task=FLIP):
    return [Attempt(task=task, completion=Completion(text=t), index=i) for i, t in enumerate(texts)]


def test_completions_become_rollouts_in_order(judge):
    texts = [SAME, "no code here", ENDLESS, RIGHT, HALF, completion("return grid", closed=False)]
    rollouts = judge.judge(attempts(*texts), run_id="r", step=3)
    assert [r.index for r in rollouts] == list(range(6))
    assert [r.execution.outcome for r in rollouts] == [
        Outcome.OK,
        Outcome.NO_CODE,
        Outcome.TIMEOUT,
        Outcome.OK,
        Outcome.RAISED,
        Outcome.NO_CODE,
    ]
    assert [r.solved for r in rollouts] == [False, False, False, True, False, False]
    assert [round(r.reward.total, 3) for r in rollouts] == [2.0, 0.0, 1.0, 3.0, 2.667, 0.0]
    assert {(r.run_id, r.step) for r in rollouts} == {("r", 3)}


def test_a_pair_whose_output_is_unknown_is_run_but_not_scored(judge):
    (rollout,) = judge.judge(attempts(RIGHT, task=UNKNOWN))
    assert [p.split for p in rollout.score.pairs] == ["train", "train"]
    assert rollout.execution.outputs[2].tolist() == [[8, 7]]
    assert rollout.solved


def test_a_cut_completion_says_that_it_was_cut(judge):
    cut = Completion(text=completion("return grid", closed=False), finish_reason="length")
    (rollout,) = judge.judge([Attempt(task=FLIP, completion=cut)])
    assert "length limit" in rollout.execution.message


def judged(tmp_path, judge, lines):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(b"".join(line + b"\n" for line in lines))
    complaints: list[str] = []
    summary = judge_file(source, out, tasks=TASKS, judge=judge, report=complaints.append)
    return summary, complaints, [json.loads(line) for line in out.read_text().splitlines()]


def line(**record):
    return json.dumps(record).encode()


def test_the_public_format_of_a_judged_line(tmp_path, judge):
    _, _, (record,) = judged(tmp_path, judge, [line(task_id="flip", completion=HALF, mine=1)])
    assert record.keys() == {"task_id", "outcome", "pairs", "reward", "message", "seconds"}
    assert record["task_id"] == "flip"
    assert record["outcome"] == "raised"
    assert record["pairs"] == [
        {"split": "train", "exact": False, "pixel": 0.0},
        {"split": "train", "exact": True, "pixel": 1.0},
        {"split": "test", "exact": True, "pixel": 1.0},
    ]
    assert record["reward"] == {
        "code": 1.0,
        "ran": 1.0,
        "exact": pytest.approx(2 / 3),
        "pixel": 0.0,
        "length": 0.0,
        "total": pytest.approx(2 + 2 / 3),
    }
    assert "division by zero" in record["message"]
    assert record["seconds"] > 0


def test_broken_lines_are_named_and_the_rest_is_judged_in_order(tmp_path, judge):
    summary, complaints, records = judged(
        tmp_path,
        judge,
        [
            line(task_id="flip", completion=RIGHT),
            b"{not json",
            b"",
            line(task_id="flap", completion=RIGHT),
            line(task_id="flip"),
            b"[1]",
            b"\xff\xfe",
            b"[" * 100_000,
            line(task_id="flip", completion=SAME),
        ],
    )
    assert [c.split(":")[1] for c in complaints] == ["2", "4", "5", "6", "7", "8"]
    assert "flip" in complaints[1]
    assert [r["reward"]["total"] for r in records] == [3.0, 2.0]
    assert (summary.judged, summary.broken, summary.solved) == (2, 6, 1)
    assert "programs/s" in str(summary)
    assert "6 broken lines" in str(summary)


def test_a_missing_file_is_named_and_the_old_output_stays(tmp_path, judge):
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    with pytest.raises(UserError, match=r"no such file: .*nowhere\.jsonl"):
        judge_file(tmp_path / "nowhere.jsonl", out, tasks=TASKS, judge=judge, report=print)
    assert out.read_text() == "old"


def test_attempts_that_are_started_one_by_one_are_judged_as_all_at_once(judge):
    texts = [RIGHT, SAME, HALF, "no program", ENDLESS, RIGHT]
    attempts = [
        Attempt(task=FLIP, completion=Completion(text=t), index=i) for i, t in enumerate(texts)
    ]
    started = [judge.start(a) for a in attempts]
    early = [judge.finish(s, run_id="r", step=3) for s in reversed(started)][::-1]

    def told(rollouts):
        encoded = [rollout_to_dict(r) for r in rollouts]
        for one in encoded:
            del one["execution"]["seconds"]
        return encoded

    assert told(early) == told(judge.judge(attempts, run_id="r", step=3))


def test_a_started_program_runs_before_anybody_asks_for_it(judge):
    clock = completion("import time; print(time.monotonic()); return grid[:, ::-1]")
    task = Task(id="one", train=FLIP.train[1:], test=())
    waits_s = (0.2, 1, 5, 25)  # on a busy machine it takes longer

    def ran_before_it_was_asked_for(wait_s):
        started = judge.start(Attempt(task=task, completion=Completion(text=clock)))
        time.sleep(wait_s)
        asked = time.monotonic()
        rollout = judge.finish(started)
        assert rollout.solved
        return float(rollout.execution.stdout) < asked

    assert any(map(ran_before_it_was_asked_for, waits_s))
