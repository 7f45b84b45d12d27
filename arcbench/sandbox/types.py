"""What goes into the sandbox and what comes out of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np

from arcbench.errors import UserError
from arcbench.grids import Grid


class Outcome(StrEnum):
    """How the execution of a program, or of one of its inputs, ended."""

    OK = "ok"
    NO_CODE = "no_code"  # the completion holds no program to run
    SYNTAX_ERROR = "syntax_error"
    NO_TRANSFORM = "no_transform"  # the program defines neither `transform` nor `main`
    RAISED = "raised"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    BAD_OUTPUT = "bad_output"  # something was returned that is not an ARC grid
    FORBIDDEN = "forbidden"  # stopped by the isolation
    DIED = "died"  # the process ended without a word: exit, crash, kill

    @property
    def ok(self) -> bool:
        """Whether a valid grid came out."""
        return self is Outcome.OK

    @property
    def has_code(self) -> bool:
        """Whether there was a program that Python could parse."""
        return self not in (Outcome.NO_CODE, Outcome.SYNTAX_ERROR)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one program may use, over all its inputs together."""

    timeout_s: float = 5.0  # wall clock
    memory_mb: int = 1024  # address space beyond what the worker itself has
    max_output_cells: int = 900  # per output; larger is BAD_OUTPUT
    max_stdout_kb: int = 16  # what is printed beyond it is dropped
    require_isolation: bool = False  # refuse to run where a layer of the isolation is off

    def __post_init__(self) -> None:
        for name in ("timeout_s", "memory_mb", "max_output_cells", "max_stdout_kb"):
            if not getattr(self, name) > 0:
                raise UserError(f"Limits.{name} must be positive, not {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """Source text that defines `transform` (or `main`), and the grids to call it on."""

    code: str
    inputs: tuple[Grid, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why one input gave no grid."""

    outcome: Outcome
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """What a program did: for every input, in order, a grid or a failure.

    An `outcome` other than OK is that of the first input that failed; the grids of the others
    are there all the same.
    """

    outcome: Outcome
    outputs: tuple[Grid | Failure, ...]
    message: str = ""
    stdout: str = ""
    seconds: float = 0.0  # wall clock of the whole program
    # Whether a second run under other seeds gave the same outputs; None where there was none.
    deterministic: bool | None = None

    @property
    def grids(self) -> tuple[Grid | None, ...]:
        """The output of each input, None where it failed."""
        return tuple(None if isinstance(o, Failure) else o for o in self.outputs)

    @property
    def num_valid(self) -> int:
        """How many inputs gave a valid grid."""
        return sum(not isinstance(o, Failure) for o in self.outputs)


# What comes back: (number, execution) of programs that have ended, or why no more will come.
News: TypeAlias = list[tuple[int, Execution]] | Exception


class Feed(ABC):
    """A way into a pool for programs that belong together; may be used from any thread."""

    @abstractmethod
    def hand_in(self, programs: Sequence[tuple[int, Program]]) -> None:
        """Let programs run; their numbers, unlike each other, are the caller's to choose.

        RuntimeError if the pool is closed or its workers cannot run.
        """

    @abstractmethod
    def close(self) -> None:
        """Want no more news: what has not started will not."""


class ProgramRunner(ABC):
    """What runs programs: the pool of this machine, or that of a cluster."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many programs run at a time."""

    @abstractmethod
    def features(self) -> dict[str, bool]:
        """What protects the programs: name → whether it is on."""

    @abstractmethod
    def open(self, deliver: Callable[[News], None]) -> Feed:
        """A feed whose news are passed to `deliver`, in a thread of the pool's.

        RuntimeError if the pool is closed or its workers cannot run.
        """

    @abstractmethod
    def close(self) -> None:
        """End what was started."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stream(self, programs: Sequence[Program]) -> Iterator[tuple[int, Execution]]:
        """Yield (place in `programs`, execution) as they finish.

        All are handed in by the call itself, before the first is asked for; leaving the loop early
        cancels those that have not started. RuntimeError if the pool is closed or cannot run them.
        """
        box: SimpleQueue[News] = SimpleQueue()
        feed = self.open(box.put)
        feed.hand_in(list(enumerate(programs)))
        return _collect(feed, box, len(programs))

    def run(self, programs: Sequence[Program]) -> list[Execution]:
        """Run all programs; the executions come in the same order."""
        found: list[Execution | None] = [None] * len(programs)
        for i, execution in self.stream(programs):
            found[i] = execution
        return [execution for execution in found if execution is not None]


def _collect(
    feed: Feed, box: SimpleQueue[News], num_programs: int
) -> Iterator[tuple[int, Execution]]:
    try:
        while num_programs:
            news = box.get()
            if isinstance(news, Exception):
                raise news
            yield from news
            num_programs -= len(news)
    finally:
        feed.close()


def same_outputs(a: Execution, b: Execution) -> bool:
    """Whether two runs of a program gave the same grids and failed alike on the same inputs."""
    return len(a.outputs) == len(b.outputs) and all(
        x.outcome is y.outcome
        if isinstance(x, Failure) and isinstance(y, Failure)
        else not isinstance(x, Failure) and not isinstance(y, Failure) and np.array_equal(x, y)
        for x, y in zip(a.outputs, b.outputs, strict=True)
    )


def failed(outcome: Outcome, num_inputs: int, message: str = "", seconds: float = 0.0) -> Execution:
    """The execution of a program that failed as a whole: the same failure for every input."""
    failure = Failure(outcome=outcome, message=message)
    return Execution(
        outcome=outcome, outputs=(failure,) * num_inputs, message=message, seconds=seconds
    )
