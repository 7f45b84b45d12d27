"""A rollout: one completion with all that became of it; groups of them; and their one codec."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from statistics import pstdev
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arcbench.augment import Augmentation
from arcbench.displayed import Displayed
from arcbench.errors import UserError
from arcbench.files import replacing
from arcbench.grids import Grid, as_grid, to_lists
from arcbench.policies.base import Completion
from arcbench.rewards import RewardBreakdown
from arcbench.sandbox.types import Execution, Failure, Outcome
from arcbench.scoring import PairScore, Score

T = TypeVar("T")

SCHEMA = 1  # of the encoded form; raise it with every change of the fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Rollout(Displayed):
    """One completion for one prompt, judged."""

    task_id: str
    completion: Completion
    code: str | None  # what was extracted from the completion; None: nothing to run
    execution: Execution
    score: Score
    reward: RewardBreakdown
    run_id: str = ""
    step: int = 0  # optimiser step that it was drawn for, from 1; 0 outside training
    index: int = 0  # place within its group
    group: int = 0  # place of the group within its step
    test_index: int = 0  # which test input the prompt showed
    augmentation: Augmentation | None = None
    messages_hash: str = ""  # of the prompt
    advantage: float | None = None
    schema: int = SCHEMA

    @property
    def solved(self) -> bool:
        """Whether every train and test pair is exact."""
        return self.score.solved


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutGroup:
    """The rollouts of one prompt, compared with each other by GRPO."""

    rollouts: tuple[Rollout, ...]

    @property
    def task_id(self) -> str:
        """The task that was asked."""
        return self.rollouts[0].task_id

    @property
    def rewards_G(self) -> tuple[float, ...]:
        """Total rewards, one a rollout."""
        return tuple(r.reward.total for r in self.rollouts)

    @property
    def solve_rate(self) -> float:
        """Share of rollouts that solve the task, 0–1."""
        return sum(r.solved for r in self.rollouts) / len(self.rollouts) if self.rollouts else 0.0

    @property
    def has_signal(self) -> bool:
        """Whether the rewards differ, so that the group moves the policy."""
        return len(self.rollouts) > 1 and pstdev(self.rewards_G) > 1e-9


def groups(rollouts: Sequence[Rollout]) -> list[RolloutGroup]:
    """The rollouts gathered by (step, group), in order of appearance."""
    found: dict[tuple[int, int], list[Rollout]] = {}
    for r in rollouts:
        found.setdefault((r.step, r.group), []).append(r)
    return [RolloutGroup(rollouts=tuple(g)) for g in found.values()]


def rollout_to_dict(rollout: Rollout) -> dict[str, Any]:
    """The rollout as plain JSON-able values; `rollout_from_dict` is the exact inverse."""
    r = rollout
    return {
        "schema": r.schema,
        "run_id": r.run_id,
        "step": r.step,
        "group": r.group,
        "index": r.index,
        "task_id": r.task_id,
        "test_index": r.test_index,
        "messages_hash": r.messages_hash,
        "augmentation": None if r.augmentation is None else r.augmentation.to_dict(),
        "completion": {
            "text": r.completion.text,
            "token_ids": list(r.completion.token_ids),
            "logprobs": list(r.completion.logprobs),
            "finish_reason": r.completion.finish_reason,
            "token_texts": list(r.completion.token_texts),
        },
        "code": r.code,
        "execution": {
            "outcome": r.execution.outcome.value,
            "message": r.execution.message,
            "stdout": r.execution.stdout,
            "seconds": r.execution.seconds,
            "deterministic": r.execution.deterministic,
            "outputs": [_output_to_dict(o) for o in r.execution.outputs],
        },
        "score": [{name: getattr(p, name) for name in _PAIR_SCORE} for p in r.score.pairs],
        "reward": r.reward.parts,
        "advantage": r.advantage,
    }


def rollout_from_dict(d: Mapping[str, Any]) -> Rollout:
    """Rebuild a rollout; UserError where it was written by a newer arcbench."""
    if d["schema"] > SCHEMA:
        raise UserError(
            f"this rollout has schema {d['schema']}, this arcbench reads up to {SCHEMA}: update it"
        )
    c, e = d["completion"], d["execution"]
    return Rollout(
        schema=d["schema"],
        run_id=d["run_id"],
        step=d["step"],
        group=d["group"],
        index=d["index"],
        task_id=d["task_id"],
        test_index=d["test_index"],
        messages_hash=d["messages_hash"],
        augmentation=None
        if d["augmentation"] is None
        else Augmentation.from_dict(d["augmentation"]),
        completion=Completion(
            text=c["text"],
            token_ids=tuple(c["token_ids"]),
            logprobs=tuple(c["logprobs"]),
            finish_reason=c["finish_reason"],
            token_texts=tuple(c.get("token_texts") or ()),
        ),
        code=d["code"],
        execution=Execution(
            outcome=Outcome(e["outcome"]),
            message=e["message"],
            stdout=e["stdout"],
            seconds=e["seconds"],
            deterministic=e.get("deterministic"),
            outputs=tuple(_output_from_dict(o) for o in e["outputs"]),
        ),
        score=Score(pairs=tuple(PairScore(**p) for p in d["score"])),
        reward=RewardBreakdown(**d["reward"]),
        advantage=d["advantage"],
    )


def _output_to_dict(output: Grid | Failure) -> dict[str, Any]:
    if isinstance(output, Failure):
        return {"outcome": output.outcome.value, "message": output.message, "grid": None}
    return {"outcome": Outcome.OK.value, "message": "", "grid": to_lists(output)}


def _output_from_dict(d: Mapping[str, Any]) -> Grid | Failure:
    if d["grid"] is None:
        return Failure(outcome=Outcome(d["outcome"]), message=d["message"])
    return as_grid(d["grid"])


_PAIR_SCORE = tuple(f.name for f in fields(PairScore))
_PARQUET = pa.schema(
    [
        ("schema", pa.int16()),
        ("run_id", pa.string()),
        ("step", pa.int64()),
        ("group", pa.int32()),
        ("index", pa.int32()),
        ("task_id", pa.string()),
        ("test_index", pa.int16()),
        ("messages_hash", pa.string()),
        (
            "augmentation",
            pa.struct(
                [
                    ("turns", pa.int8()),
                    ("flip", pa.bool_()),
                    ("colors", pa.string()),
                    ("order", pa.list_(pa.int16())),
                ]
            ),
        ),
        (
            "completion",
            pa.struct(
                [
                    ("text", pa.string()),
                    ("token_ids", pa.list_(pa.int32())),
                    ("logprobs", pa.list_(pa.float64())),
                    ("finish_reason", pa.string()),
                    ("token_texts", pa.list_(pa.string())),
                ]
            ),
        ),
        ("code", pa.string()),
        (
            "execution",
            pa.struct(
                [
                    ("outcome", pa.string()),
                    ("message", pa.string()),
                    ("stdout", pa.string()),
                    ("seconds", pa.float64()),
                    ("deterministic", pa.bool_()),
                    (
                        "outputs",
                        pa.list_(
                            pa.struct(
                                [
                                    ("outcome", pa.string()),
                                    ("message", pa.string()),
                                    ("grid", pa.list_(pa.list_(pa.int8()))),
                                ]
                            )
                        ),
                    ),
                ]
            ),
        ),
        (
            "score",
            pa.list_(
                pa.struct(
                    [
                        ("split", pa.string()),
                        ("valid", pa.bool_()),
                        ("exact", pa.bool_()),
                        ("pixel", pa.float64()),
                        ("same_shape", pa.bool_()),
                    ]
                )
            ),
        ),
        (
            "reward",
            pa.struct([(name, pa.float64()) for name in RewardBreakdown().parts]),
        ),
        ("advantage", pa.float64()),
    ]
)


# What a reader of the files can filter and sort by without Python, beside the parts of the reward;
# all of it follows from the rest, and is not read back.
_DERIVED: dict[str, tuple[Any, Callable[[Rollout], Any]]] = {
    "reward_total": (pa.float64(), lambda r: r.reward.total),
    "solved": (pa.bool_(), lambda r: r.solved),
    "outcome": (pa.string(), lambda r: r.execution.outcome.value),
    "num_tokens": (pa.int32(), lambda r: len(r.completion.token_ids)),
    "logprob_sum": (pa.float64(), lambda r: r.completion.logprob_sum),
    "logprob_mean": (pa.float64(), lambda r: r.completion.logprob_mean),
    "logprob_min": (pa.float64(), lambda r: r.completion.logprob_min),
}


def write_rollouts(path: Path, rollouts: Iterable[Rollout]) -> None:
    """Write a parquet file of rollouts, whole or not at all."""
    rollouts = list(rollouts)
    table = _table(rollouts)
    for name, (kind, value) in _DERIVED.items():
        table = table.append_column(name, pa.array([value(r) for r in rollouts], kind))
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _table(rollouts: Sequence[Rollout]) -> pa.Table:
    """What `pa.Table.from_pylist` makes of the rollouts' dicts, built column by column.

    That takes ten times as long, which is most of what an evaluation does beside the policy.
    """
    columns: dict[str, Any] = {
        name: [getattr(r, name) for r in rollouts]
        for name in (
            "schema", "run_id", "step", "group", "index", "task_id", "test_index", "messages_hash",
            "code", "advantage",
        )
    }  # fmt: skip
    columns["augmentation"] = [
        None if r.augmentation is None else r.augmentation.to_dict() for r in rollouts
    ]
    columns["completion"] = _completions([r.completion for r in rollouts])
    columns["execution"] = _each_once([r.execution for r in rollouts], _executions)
    columns["score"] = _each_once([r.score for r in rollouts], _scores)
    reward = _PARQUET.field("reward").type
    columns["reward"] = _struct(
        reward, **{f.name: [getattr(r.reward, f.name) for r in rollouts] for f in reward}
    )
    return pa.Table.from_pydict(columns, schema=_PARQUET)


def _each_once(values: Sequence[T], made: Callable[[Sequence[T]], pa.Array]) -> pa.Array:
    """The column made of the values; equal programs share one, so that each is looked at once."""
    unique = {id(value): value for value in values}
    column = made(list(unique.values()))
    if len(unique) == len(values):
        return column
    places = {name: place for place, name in enumerate(unique)}
    return column.take(pa.array([places[id(value)] for value in values], pa.int32()))


def _completions(completions: Sequence[Completion]) -> pa.Array:
    kind = _PARQUET.field("completion").type
    lists = {
        name: _lists(kind.field(name).type, map(len, values), _joined(values))
        for name in ("token_ids", "logprobs", "token_texts")
        for values in [[getattr(c, name) for c in completions]]
    }
    return _struct(
        kind,
        text=[c.text for c in completions],
        finish_reason=[c.finish_reason for c in completions],
        **lists,
    )


def _executions(executions: Sequence[Execution]) -> pa.Array:
    kind = _PARQUET.field("execution").type
    of_outputs, outputs = kind.field("outputs").type, [e.outputs for e in executions]
    each = _outputs(of_outputs.value_type, _joined(outputs))
    return _struct(
        kind,
        outcome=[e.outcome.value for e in executions],
        message=[e.message for e in executions],
        stdout=[e.stdout for e in executions],
        seconds=[e.seconds for e in executions],
        deterministic=[e.deterministic for e in executions],
        outputs=_lists(of_outputs, map(len, outputs), each),
    )


def _scores(scores: Sequence[Score]) -> pa.Array:
    kind, pairs = _PARQUET.field("score").type, [s.pairs for s in scores]
    every = _joined(pairs)
    columns = {name: [getattr(p, name) for p in every] for name in _PAIR_SCORE}
    return _lists(kind, map(len, pairs), _struct(kind.value_type, **columns))


def _outputs(kind: Any, outputs: Sequence[Grid | Failure]) -> pa.Array:
    failed = [isinstance(o, Failure) for o in outputs]
    grids = [o for o in outputs if not isinstance(o, Failure)]
    cells = np.concatenate([np.empty(0, np.int8), *(g.ravel() for g in grids)])
    heights = [0 if isinstance(o, Failure) else len(o) for o in outputs]
    widths = np.repeat([0, *(g.shape[1] for g in grids)], [0, *map(len, grids)])
    by_grid, by_row = kind.field("grid").type, kind.field("grid").type.value_type
    return _struct(
        kind,
        outcome=[o.outcome.value if isinstance(o, Failure) else Outcome.OK.value for o in outputs],
        message=[o.message if isinstance(o, Failure) else "" for o in outputs],
        grid=_lists(by_grid, heights, _lists(by_row, widths, cells), failed),
    )


def _joined(rows: Iterable[Iterable[Any]]) -> list[Any]:
    return list(chain.from_iterable(rows))


def _lists(
    kind: Any, lengths: Iterable[int], values: Any, missing: Sequence[bool] = ()
) -> pa.Array:
    """What stands in `values` as lists of these lengths; null where one is missing."""
    ends = np.cumsum([0, *lengths], dtype=np.int32)
    if not isinstance(values, pa.Array):
        values = pa.array(values, kind.value_type)
    mask = pa.array(missing) if any(missing) else None
    return pa.ListArray.from_arrays(pa.array(ends), values, type=kind, mask=mask)


def _struct(kind: Any, **columns: Any) -> pa.Array:
    """A struct of columns that are arrays already, or values."""
    arrays = [
        c if isinstance(c := columns[f.name], pa.Array) else pa.array(c, f.type) for f in kind
    ]
    return pa.StructArray.from_arrays(arrays, fields=list(kind))


def read_rollouts(path: Path) -> list[Rollout]:
    """All rollouts of a parquet file, in the order in which they were written."""
    table = pq.read_table(path, columns=_PARQUET.names)
    return [rollout_from_dict(d) for d in table.to_pylist()]


def read_rollout(path: Path, group: int, index: int) -> Rollout | None:
    """One rollout of a step's file; None where it is not there. The others are not decoded."""
    place = (pc.field("group") == group) & (pc.field("index") == index)
    found = pq.read_table(path, columns=_PARQUET.names, filters=place).to_pylist()
    return rollout_from_dict(found[0]) if found else None
