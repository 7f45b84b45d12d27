"""How often another program of the same family fits the train pairs of a task but not its test.

Run `python -m arcbench.synth.ambiguity [--tasks 16] [--rivals 60]`: the families that need a look.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from arcbench.synth.config import SynthConfig
from arcbench.synth.family import RNG, Family
from arcbench.synth.generate import generate_from
from arcbench.synth.programs import Transform, draft_function
from arcbench.synth.registry import families
from arcbench.tasks import Pair


@dataclass(frozen=True, kw_only=True, slots=True)
class Ambiguity:
    """Tasks of a family for which a rival was found, with one example of both programs."""

    family: str
    tasks: int
    found: int
    example: tuple[str, str] = ("", "")  # the task's program, and the steps of the rival

    @property
    def share(self) -> float:
        """Of the tasks."""
        return self.found / self.tasks


def ambiguity(rng: RNG, family: Family, tasks: int = 16, rivals: int = 60) -> Ambiguity:
    """Try up to `rivals` other programs of the family on each of some tasks."""
    drafts = {d.steps: d for d in (family.draw(rng) for _ in range(2 * rivals))}
    others = [(steps, draft_function(d)) for steps, d in list(drafts.items())[:rivals]]
    found = 0
    example = ("", "")
    for _ in range(tasks):
        item = generate_from(rng, family, config=SynthConfig())
        for steps, other in others:
            if _fits(other, item.task.train) and not _fits(other, item.task.test):
                found += 1
                example = (item.code, "; ".join(steps))
                break
    return Ambiguity(family=family.name, tasks=tasks, found=found, example=example)


def _fits(transform: Transform, pairs: Sequence[Pair]) -> bool:
    for pair in pairs:
        try:
            out = transform(pair.input.astype(np.int64))
        except Exception:  # noqa: BLE001  (a rival may make no sense on these inputs)
            return False
        if not np.array_equal(out, np.asarray(pair.output)):
            return False
    return True


def main(argv: Sequence[str] | None = None) -> None:
    """Print the families with a rival, the most ambiguous first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--rivals", type=int, default=60)
    options = parser.parse_args(argv)
    results = [
        ambiguity(np.random.default_rng(0), family, options.tasks, options.rivals)
        for family in families()
    ]
    for one in sorted(results, key=lambda r: -r.share):
        if one.found:
            program = one.example[0].split("def transform(grid):")[-1].strip()
            sys.stdout.write(f"{one.share:4.0%} {one.family}: {program} | {one.example[1]}\n")


if __name__ == "__main__":
    main()
