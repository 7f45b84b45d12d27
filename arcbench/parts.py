"""Two parts of any set of tasks: those to learn from, and a third that is held out from learning.

Which part a task is in follows from its id alone, so that training, evaluations and tables agree
wherever they run, and nobody can choose.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Literal

from arcbench.errors import UserError, unknown

Part = Literal["all", "train", "held-out"]
PARTS: tuple[Part, ...] = ("all", "train", "held-out")
SEED = 0  # of the split: another one would hold other tasks out
HELD_OUT = 1 / 3  # share of the tasks


def part_of(task_id: str) -> Part:
    """Whether a task is learned from ("train") or "held-out"."""
    digest = blake2b(f"{SEED}:{task_id}".encode(), digest_size=8).digest()
    return "held-out" if int.from_bytes(digest) < HELD_OUT * 2**64 else "train"


def in_part(task_ids: Iterable[str], part: Part) -> list[str]:
    """Those of the ids that are in the part, in their order."""
    return [t for t in task_ids if part == "all" or part_of(t) == part]


def check_part(part: str, tasks: Iterable[str], where: str = "") -> None:
    """UserError for an unknown part, and for one beside named tasks, which it would thin out."""
    if part not in PARTS:
        raise unknown(f"{where}part", part, PARTS)
    if part != "all" and tuple(tasks):
        raise UserError(f"{where}part {part} is for all tasks of a data set: name no tasks then")
