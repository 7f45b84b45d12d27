"""Records of samples that nobody drew, as tests want them."""

from collections.abc import Iterable, Sequence

import numpy as np
from hypothesis import strategies as st

from arcbench.evaluation import Record, Results, Tally, TaskResult
from arcbench.evaluation.results import PIXEL_UNITS, SplitCounts, with_pass_at_k
from arcbench.grids import Grid, as_grid
from arcbench.sandbox.types import Outcome
from arcbench.scoring import PairScore, Score, Split

RIGHT = as_grid([[1]])
WRONG = as_grid([[2]])


def pair(split: Split, grid: Grid | None, pixel: float = 0.5) -> PairScore:
    """The score of a grid that is right just where it is RIGHT."""
    exact = grid is RIGHT
    valid = grid is not None
    return PairScore(
        split=split, valid=valid, exact=exact, pixel=float(exact or valid * pixel), same_shape=valid
    )


def made(
    task_id: str = "a",
    train: Sequence[Grid | None] = (RIGHT,),
    test: Sequence[Grid | None] = (RIGHT,),
    *,
    outcome: Outcome = Outcome.OK,
    tokens: int = 10,
    truncated: bool = False,
    known: bool = True,
    pixel: float = 0.5,
    index: int = 0,
) -> Record:
    """A sample that drew those grids; `known`: whether the test outputs are."""
    pairs = [pair("train", g, pixel) for g in train]
    pairs += [pair("test", g, pixel) for g in test] if known else []
    return Record(
        task_id=task_id,
        index=index,
        outcome=outcome,
        code_chars=100,
        tokens=tokens,
        truncated=truncated,
        score=Score(pairs=tuple(pairs)),
        outputs=(*train, *test),
        num_train=len(train),
    )


@st.composite
def records(draw: st.DrawFn, task_ids: Sequence[str], known: bool = True) -> Record:
    """Any sample of one of the tasks, with two train pairs and a test pair."""
    outcome = draw(st.sampled_from(list(Outcome)))
    grids = st.sampled_from([RIGHT, WRONG, as_grid([[3, 4]]), None])
    drawn = [draw(grids) if outcome.has_code else None for _ in range(3)]
    return made(
        draw(st.sampled_from(list(task_ids))),
        drawn[:2],
        drawn[2:],
        outcome=outcome,
        tokens=draw(st.integers(0, 500)),
        truncated=draw(st.booleans()),
        known=known,
        pixel=draw(st.floats(0, 0.99)),
    )


def tally(tasks: Iterable[str], samples: Iterable[Record]) -> Tally:
    """All of them counted."""
    counted = Tally(tasks)
    for sample in samples:
        counted.add(sample)
    return counted


def solved_results(
    solved: Sequence[int], samples: int | Sequence[int], ks: Sequence[int] = (1,), **facts: object
) -> Results:
    """Results of tasks t0, t1 … of whose samples so many solve them."""
    sizes = [samples] * len(solved) if isinstance(samples, int) else samples
    tasks = []
    for i, (right, n) in enumerate(zip(map(int, solved), sizes, strict=True)):
        sums = SplitCounts(
            pairs=n, exact=right, pixel_units=(right + n) * PIXEL_UNITS // 2, solved=right
        )
        unique = (right > 0) + (right < n)
        tasks.append(
            TaskResult(
                task_id=f"t{i}", samples=n, valid_code=n, valid_outputs=n, unique_outputs=unique,
                tokens=10 * n, outcomes={Outcome.OK: n}, train=sums, test=sums, solved=right,
            )
        )  # fmt: skip
    return with_pass_at_k(Results(tasks=tuple(tasks), facts=facts), ks, np.random.default_rng(0))


def drawn_results(
    tasks: int, samples: int, *, seed: int, lift: float = 0.0, ks: Sequence[int] = (1, 8)
) -> Results:
    """Results like those of a real policy: many tasks never solved, some nearly always."""
    logits = np.random.default_rng(7).normal(-3.2 + lift, 2.6, tasks)
    rng = np.random.default_rng(seed)
    return solved_results(list(rng.binomial(samples, 1 / (1 + np.exp(-logits)))), samples, ks)
