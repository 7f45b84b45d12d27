"""Kaggle's files, written from tasks; records and damage for submissions."""

import json
from collections.abc import Iterable
from pathlib import Path

from arcbench.evaluation.record import Record
from arcbench.grids import to_lists
from arcbench.sandbox.types import Outcome
from arcbench.scoring import PairScore, Score
from arcbench.tasks import Task


def write_challenges(folder: Path, tasks: Iterable[Task], solutions: bool = False) -> Path:
    """Write `arc-agi_test_challenges.json` and, beside it, the solutions where they are wanted."""
    tasks = list(tasks)
    challenges = {
        task.id: {
            "train": [
                {"input": to_lists(p.input), "output": to_lists(p.output)} for p in task.train
            ],
            "test": [{"input": to_lists(p.input)} for p in task.test],
        }
        for task in tasks
    }
    path = folder / "arc-agi_test_challenges.json"
    path.write_text(json.dumps(challenges))
    if solutions:
        answers = {task.id: [to_lists(p.output) for p in task.test] for task in tasks}
        (folder / "solutions.json").write_text(json.dumps(answers))
    return path


def make_record(
    *,
    test,
    task_id="a",
    index=0,
    train=(True,),
    pixel=0.5,
    code_chars=100,
):
    """A record that drew the grids `test`, and was right on the train pairs that are True."""
    pairs = tuple(
        PairScore(
            split="train", valid=True, exact=right, pixel=1.0 if right else pixel, same_shape=True
        )
        for right in train
    )
    return Record(
        task_id=task_id,
        index=index,
        outcome=Outcome.OK,
        code_chars=code_chars,
        tokens=0,
        truncated=False,
        score=Score(pairs=pairs),
        outputs=(*(None for _ in train), *test),
        num_train=len(train),
    )
