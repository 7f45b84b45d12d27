"""The ballots of an evaluation that is there, and what does not fit its challenges."""

from dataclasses import dataclass
from pathlib import Path

from arcbench.errors import UserError
from arcbench.evaluation.record import record
from arcbench.evaluation.store import EvalStore
from arcbench.grids import Grid, same_grid
from arcbench.submission.ballots import Ballots
from arcbench.submission.challenges import Challenges
from arcbench.tasks import Task


@dataclass(frozen=True, kw_only=True, slots=True)
class Gathered:
    """What an evaluation has for a submission."""

    ballots: Ballots
    samples: int
    others: tuple[str, ...]  # its tasks that are not among the challenges
    changed: tuple[str, ...]  # its tasks of that id with other grids; their samples do not count
    unjudged: int  # samples that were drawn, but are not among the judged ones yet
    uncompared: str  # why only the ids could be compared; empty where the grids were


def gather(store: EvalStore, challenges: Challenges) -> Gathered:
    """Count the judged samples that are there, also while more are judged.

    Raises UserError where the evaluation was made of none of these tasks.
    """
    try:
        tasks, uncompared = store.tasks().tasks, ""
    except UserError as error:  # the folder came from elsewhere, without its data
        tasks, uncompared = {}, str(error)
    changed = {
        i for i, task in challenges.tasks.items() if i in tasks and not same_puzzle(task, tasks[i])
    }
    fitting = set(challenges.num_tests) - changed
    ballots = Ballots(views=store.config().views)
    samples = judged = 0
    others = dict.fromkeys(i for i in tasks if i not in challenges.num_tests)
    for rollout in store.rollouts():
        judged += 1
        if rollout.task_id in fitting:
            samples += ballots.add(record(rollout))
        elif rollout.task_id not in changed:
            others[rollout.task_id] = None
    if not samples and (others or changed) and not fitting & set(tasks):
        why = "all that are among" if changed else "none of its tasks is among"
        grids = " have other grids there" if changed else ""
        raise UserError(
            f"evaluation {store.path} was made of other tasks ({store.config().data_name}): {why} "
            f"the {len(challenges.num_tests)} of {challenges.path}{grids}; evaluate these, e.g. "
            "with --policy and a new folder"
        )
    return Gathered(
        ballots=ballots,
        samples=samples,
        others=tuple(others),
        changed=tuple(i for i in challenges.num_tests if i in changed),
        unjudged=max(0, _lines(store.completions_file) - judged),
        uncompared=uncompared,
    )


def _lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as handle:
        return sum(block.count(b"\n") for block in iter(lambda: handle.read(1 << 20), b""))


def same_puzzle(one: Task, other: Task) -> bool:
    """Whether two tasks have the same train pairs and test inputs, wherever they come from."""
    mine, theirs = _grids(one), _grids(other)
    return len(one.train) == len(other.train) and (
        len(mine) == len(theirs) and all(map(same_grid, mine, theirs))
    )


def _grids(task: Task) -> list[Grid]:
    outputs = [pair.output for pair in task.train if pair.output is not None]
    return [*task.inputs, *outputs]
