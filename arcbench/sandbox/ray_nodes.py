"""What a Ray pool's dispatcher keeps of its nodes and of the programs that they hold."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Work: TypeAlias = tuple[int, Any]  # job, packed program

_AHEAD_S = 0.1  # of a node's work that it holds: several round trips
MAX_LOSSES = 3  # of nodes that held a program, before it is blamed


@dataclass(slots=True, eq=False)
class Batch:
    """Programs that belong together, and where their packed results go."""

    number: int
    deliver: Callable[[tuple[int, Any] | Exception], None]
    cancelled: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """One program of a batch."""

    batch: Batch
    number: int  # the batch's own
    packed: Any
    losses: int = 0  # how many nodes were lost while they held it

    @property
    def alone(self) -> bool:
        """Whether it must have a node for itself, to show who is to blame."""
        return self.losses >= MAX_LOSSES - 1


@dataclass(slots=True, eq=False)
class Node:
    """A node of the cluster, its actor, and the programs that it holds."""

    id: str
    name: str  # its address, for people
    workers: int
    actor: Any
    hello: Any  # reference; None once it has answered
    features: dict[str, bool] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    gives: set[Any] = field(default_factory=set)
    take: Any = None
    asked: float = 0.0  # when `take` was sent
    last_heard: float = field(default_factory=time.monotonic)
    rate: float = 0.0  # programs/s, smoothed

    @property
    def room(self) -> int:
        """How many more programs it may hold."""
        if self.hello is not None or len(self.gives) >= max_chunks(self.workers):
            return 0
        return 2 * self.workers + int(self.rate * _AHEAD_S) - len(self.jobs)


def max_chunks(workers: int) -> int:
    """How many chunks a node may hold, each of which takes a thread of its actor."""
    return 2 * workers + 8
