"""What an evaluation keeps of a rollout: its scores and what it drew, as the task itself has it."""

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from arcbench.grids import Grid
from arcbench.rollouts import Rollout
from arcbench.sandbox.types import Outcome
from arcbench.scoring import Score


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One judged sample. Grids and the order of pairs are those of the task, not of the prompt."""

    task_id: str
    index: int  # which of the task's samples
    outcome: Outcome
    code_chars: int  # 0: no program
    tokens: int  # of the completion; 0 where the policy does not tell
    truncated: bool
    score: Score  # of the pairs whose output is known
    outputs: tuple[Grid | None, ...]  # train pairs, then test pairs; None: no valid grid
    num_train: int

    @property
    def test_outputs(self) -> tuple[Grid | None, ...]:
        """What was drawn for each test input."""
        return self.outputs[self.num_train :]

    @property
    def drawn(self) -> bytes:
        """Equal for two samples just where all their outputs are equal."""
        digest = blake2b(digest_size=16)
        for grid in self.outputs:
            digest.update(b"-" if grid is None else bytes(grid.shape) + grid.tobytes())
        return digest.digest()


def record(rollout: Rollout) -> Record:
    """The record of a rollout; what an augmentation did to its outputs is undone."""
    outputs, pairs = rollout.execution.grids, rollout.score.pairs
    num_train = sum(p.split == "train" for p in pairs)  # a train pair's output is always known
    if (augmentation := rollout.augmentation) is not None:
        outputs = tuple(None if g is None else augmentation.invert_grid(g) for g in outputs)
        back = [int(i) for i in np.argsort(augmentation.pair_order)]
        outputs = (*(outputs[i] for i in back), *outputs[num_train:])
        pairs = (*(pairs[i] for i in back), *pairs[num_train:])
    return Record(
        task_id=rollout.task_id,
        index=rollout.index,
        outcome=rollout.execution.outcome,
        code_chars=len(rollout.code or ""),
        tokens=len(rollout.completion.token_ids) or len(rollout.completion.logprobs),
        truncated=rollout.completion.truncated,
        score=Score(pairs=pairs),
        outputs=outputs,
        num_train=num_train,
    )
