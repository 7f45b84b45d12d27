"""From a run's index of rollouts to what is worth showing: extremes, tasks over time, groups.

Nothing here opens a rollout: the columns of the index are enough, however long the run was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arcbench.rollout_index import RolloutIndex

Ints = NDArray[np.int64]
PARTS = ("early", "middle", "late")
SHARE = 5  # a part is that fraction of a task's steps
MOST_STEPS = 20  # of a part
EQUAL = 1e-9  # rewards of a group that are no further apart teach nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """All rollouts of a run, one array a column, sorted by step, group and index."""

    step_N: Ints
    group_N: Ints
    index_N: Ints
    task_N: Ints  # place in `tasks`
    program_N: Ints  # equal for equal programs; -1 for completions without one
    solved_N: NDArray[np.bool_]
    reward_N: NDArray[np.float64]
    tokens_N: Ints
    outcome_N: Ints  # equal for equal outcomes
    tasks: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.step_N)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of the steps in which one task was sampled."""

    name: str  # of PARTS
    first_step: int
    last_step: int
    rollouts: int
    solved: float  # share
    reward: float  # mean
    programs: int  # different ones
    tokens: float  # mean
    typical: int  # place in the columns
    alike: int  # rollouts with the typical one's program, or without any as it has none


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskCourse:
    """What became of one task's completions."""

    task_id: str
    rollouts: int
    silent: float  # share of its groups whose rewards were equal
    parts: tuple[Part, ...]  # in the order of time, one to three

    @property
    def change(self) -> float:
        """Of the mean reward, from the first part to the last."""
        return self.parts[-1].reward - self.parts[0].reward


@dataclass(frozen=True, kw_only=True, slots=True)
class Groups:
    """Which groups moved the policy, and which did not."""

    total: int
    silent: int  # all rewards equal
    all_solved: int  # of the silent ones
    none_solved: int
    early: float  # share of silent ones in the first fifth of the steps
    late: float


def columns(index: RolloutIndex) -> Columns:
    """The columns of an index."""
    table = index.table().sort_by([(n, "ascending") for n in ("step", "group", "index")])

    def numbers(name: str) -> Ints:
        return np.asarray(table[name].to_numpy(), dtype=np.int64)

    def codes(name: str) -> tuple[Ints, list[str]]:
        found = table[name].combine_chunks().dictionary_encode()
        if not len(table):
            return np.zeros(0, np.int64), []
        return np.asarray(found.indices.to_numpy(), np.int64), found.dictionary.to_pylist()

    task_N, tasks = codes("task_id")
    program_N, programs = codes("program")
    if "" in programs:
        program_N = np.where(program_N == programs.index(""), -1, program_N)
    return Columns(
        step_N=numbers("step"),
        group_N=numbers("group"),
        index_N=numbers("index"),
        task_N=task_N,
        program_N=program_N,
        solved_N=np.asarray(table["solved"].to_numpy(), dtype=np.bool_),
        reward_N=np.asarray(table["reward"].to_numpy(), dtype=np.float64),
        tokens_N=numbers("tokens"),
        outcome_N=codes("outcome")[0],
        tasks=tuple(tasks),
    )


def extremes(found: Columns, count: int, *, best: bool) -> list[int]:
    """Places of rollouts with the highest (or lowest) reward, the newest of equal ones first.

    No two have the same program; of the lowest, none has the same outcome and reward.
    """
    signed = -found.reward_N if best else found.reward_N
    chosen: list[int] = []
    seen: set[tuple[float, ...]] = set()
    for place in np.lexsort((-found.step_N, signed)).tolist():
        kind: tuple[float, ...] = (float(found.program_N[place]),)
        if not best or kind == (-1.0,):
            kind = (float(found.outcome_N[place]), float(found.reward_N[place]))
        if kind not in seen:
            seen.add(kind)
            chosen.append(place)
        if len(chosen) == count:
            break
    return chosen


def courses(found: Columns) -> list[TaskCourse]:
    """Every task that was sampled, those whose reward changed most first."""
    silent_N = _silent(found)
    order = np.argsort(found.task_N, kind="stable")  # within a task still by step
    edges = np.searchsorted(found.task_N[order], np.arange(len(found.tasks) + 1))
    made = [
        TaskCourse(
            task_id=name,
            rollouts=int(edges[i + 1] - edges[i]),
            silent=_silent_share(found, silent_N, order[edges[i] : edges[i + 1]]),
            parts=tuple(_parts(found, order[edges[i] : edges[i + 1]])),
        )
        for i, name in enumerate(found.tasks)
    ]
    return sorted(made, key=lambda c: (-abs(c.change), -c.rollouts, c.task_id))


def groups(found: Columns) -> Groups:
    """The groups of all steps, counted."""
    firsts = _group_starts(found)
    if not len(firsts):
        return Groups(total=0, silent=0, all_solved=0, none_solved=0, early=0.0, late=0.0)
    silent_G = _silent(found)[firsts]
    all_G = np.logical_and.reduceat(found.solved_N, firsts)
    any_G = np.logical_or.reduceat(found.solved_N, firsts)
    steps_G = found.step_N[firsts]
    stretches = _stretches(steps_G)
    return Groups(
        total=len(firsts),
        silent=int(silent_G.sum()),
        all_solved=int((silent_G & all_G).sum()),
        none_solved=int((silent_G & ~any_G).sum()),
        early=float(silent_G[np.isin(steps_G, stretches[0])].mean()),
        late=float(silent_G[np.isin(steps_G, stretches[-1])].mean()),
    )


def _group_starts(found: Columns) -> Ints:
    """Where each group begins."""
    if not len(found):
        return np.zeros(0, np.int64)
    new_N = np.ones(len(found), np.bool_)
    new_N[1:] = (np.diff(found.step_N) != 0) | (np.diff(found.group_N) != 0)
    return np.flatnonzero(new_N)


def _silent(found: Columns) -> NDArray[np.bool_]:
    """For each rollout whether its group has equal rewards."""
    firsts = _group_starts(found)
    if not len(firsts):
        return np.zeros(0, np.bool_)
    low_G = np.minimum.reduceat(found.reward_N, firsts)
    high_G = np.maximum.reduceat(found.reward_N, firsts)
    sizes = np.diff(np.append(firsts, len(found)))
    return np.repeat(high_G - low_G <= EQUAL, sizes)


def _silent_share(found: Columns, silent_N: NDArray[np.bool_], places: Ints) -> float:
    keys = np.stack([found.step_N[places], found.group_N[places]])
    _, firsts = np.unique(keys, axis=1, return_index=True)
    return float(silent_N[places[firsts]].mean())


def _stretches(steps: Sequence[int] | Ints) -> list[Ints]:
    """The steps at the beginning, in the middle and at the end; of two steps, and of one, each."""
    unique = np.unique(np.asarray(steps, dtype=np.int64))
    if len(unique) <= len(PARTS):
        return [unique[i : i + 1] for i in range(len(unique))]
    size = min(MOST_STEPS, max(1, len(unique) // SHARE))
    middle = (len(unique) - size) // 2
    return [unique[:size], unique[middle : middle + size], unique[-size:]]


def _names(count: int) -> tuple[str, ...]:
    return {1: ("all",), 2: ("early", "late")}.get(count, PARTS)


def _parts(found: Columns, places: Ints) -> Iterator[Part]:
    stretches = _stretches(found.step_N[places])
    for name, steps in zip(_names(len(stretches)), stretches, strict=True):
        mine = places[np.isin(found.step_N[places], steps)]
        typical, alike = _typical(found, mine)
        programs = found.program_N[mine]
        yield Part(
            name=name,
            first_step=int(steps[0]),
            last_step=int(steps[-1]),
            rollouts=len(mine),
            solved=float(found.solved_N[mine].mean()),
            reward=float(found.reward_N[mine].mean()),
            programs=len(np.unique(programs[programs >= 0])),
            tokens=float(found.tokens_N[mine].mean()),
            typical=typical,
            alike=alike,
        )


def _typical(found: Columns, places: Ints) -> tuple[int, int]:
    """The rollout that stands for these, and how many are like it.

    It has the most frequent program; among equals it has the middle reward, then the middle
    length, then it is the newest.
    """
    programs, counts = np.unique(found.program_N[places], return_counts=True)
    most = places[np.isin(found.program_N[places], programs[counts == counts.max()])]
    reward_off = np.abs(found.reward_N[most] - np.median(found.reward_N[places]))
    length_off = np.abs(found.tokens_N[most] - np.median(found.tokens_N[places]))
    return int(most[np.lexsort((-found.step_N[most], length_off, reward_off))[0]]), int(
        counts.max()
    )
