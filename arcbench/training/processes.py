"""The processes of a training run: one alone, or several that a launcher has started.

`accelerate launch` and `torchrun` start the same command several times, and tell each by the
environment who it is. Process 0 is the main one: it alone writes the run folder.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from arcbench.errors import UserError

T = TypeVar("T")

# Waiting is no error here: one process may judge or write for long. That another one has died is
# noticed by `lifeline`, within seconds.
_TIMEOUT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True, slots=True)
class Processes:
    """Which process this is, of how many. What it does with others, all must do in one order."""

    rank: int = 0
    count: int = 1
    on_machine: int = 1  # how many of them are on this machine

    @property
    def main(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.count > 1

    def gather(self, value: T) -> list[T]:
        """The values of all processes in their order, on each of them."""
        if not self.several:
            return [value]
        import torch.distributed as dist

        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, value)
        return found

    def from_main(self, make: Callable[[], T]) -> T:
        """What `make` gives in the main process, on all; a UserError of it is raised on all."""
        if not self.several:
            return make()
        import torch.distributed as dist

        told: list[Any] = [None, None]
        if self.main:
            try:
                told[0] = make()
            except UserError as error:
                told[1] = error
        dist.broadcast_object_list(told, src=0)
        if told[1] is not None:
            raise told[1]
        made: T = told[0]
        return made

    def wait(self) -> None:
        """Go on when all processes are here."""
        self.gather(None)

    def share(self, total: int) -> range:
        """Which of `total` things are this process's: a run of them, as even as can be."""
        return range(total * self.rank // self.count, total * (self.rank + 1) // self.count)


ALONE = Processes()


def started_several() -> bool:
    """Whether a launcher has started more than this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def join(*, gpu: bool) -> Processes:
    """Meet the other processes of the launcher; each is given its own GPU where `gpu`.

    Without a launcher there is nobody to meet, and no heavy library is loaded.
    """
    if not started_several():
        return Processes()
    if not gpu:
        # accelerate numbers CPUs like GPUs, and torch restores no optimiser to a "cpu:0".
        os.environ["ACCELERATE_TORCH_DEVICE"] = "cpu"
    from accelerate import PartialState

    state = PartialState(cpu=not gpu, timeout=_TIMEOUT)
    return Processes(
        rank=state.process_index,
        count=state.num_processes,
        on_machine=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    )
