"""Tasks in the order of their indices, made by all cores; look-alikes are left out on the way."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from arcbench.background import end_with_parent
from arcbench.sandbox.pool import usable_cores
from arcbench.synth.checks import Recent, canonical_digest
from arcbench.synth.config import SynthConfig
from arcbench.synth.generate import DEFAULT, SynthTask, generate

T = TypeVar("T")
Encode = Callable[[int, SynthTask], T]  # of an index and its task; runs where the task is made

CHUNK = 64  # indices a piece of work
AHEAD = 4  # pieces a worker that are made before they are asked for
WINDOW = 1_000_000  # tasks among which no two look alike; about 100 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """An index for which a family raised or no task came out: a mistake of ours, never silent."""

    index: int
    message: str


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A task in its form for the reader, and what it is compared by."""

    index: int
    digest: int
    value: T


@dataclass(kw_only=True, slots=True)
class Left:
    """What a stream left out."""

    look_alikes: int = 0
    raised: list[Raised] = field(default_factory=list)


def task_itself(index: int, item: SynthTask) -> SynthTask:
    """The encoding that changes nothing."""
    return item


def make(
    seed: int, indices: range, config: SynthConfig, encode: Encode[T]
) -> list[Made[T] | Raised]:
    """The tasks of some indices."""
    found: list[Made[T] | Raised] = []
    for index in indices:
        try:
            item = generate(seed, index, config)
        except Exception as error:  # noqa: BLE001  (one draw in millions must not end a run)
            found.append(Raised(index=index, message=f"{type(error).__name__}: {error}"))
        else:
            found.append(Made(index, canonical_digest(item.task), encode(index, item)))
    return found


def tasks(
    seed: int,
    count: int | None = None,
    *,
    encode: Encode[T],
    first: int = 0,
    config: SynthConfig = DEFAULT,
    workers: int | None = None,
    window: int = WINDOW,
    left: Left | None = None,
) -> Generator[tuple[int, T], None, None]:
    """`count` encoded tasks with their indices, from index `first` on; endless where it is None.

    A task that looks like one of the last `window` is left out, colours renamed or not, and so is
    an index that raised; `left` is told of both. The result does not depend on `workers`:
    processes, as many as cores where it is None; 0 makes the tasks here.
    """
    noted = Left() if left is None else left
    recent = Recent(window)
    number = usable_cores() if workers is None else workers
    made = _ordered(seed, first, config, encode, number)

    def good() -> Iterator[tuple[int, T]]:
        for item in made:
            if isinstance(item, Raised):
                noted.raised.append(item)
                if len(noted.raised) > 20 + (item.index - first) // 100:
                    raise RuntimeError(f"many tasks raise, the last one {item}")
            elif recent.is_new(item.digest):
                yield item.index, item.value
            else:
                noted.look_alikes += 1

    try:
        yield from islice(good(), count)
    finally:
        made.close()


def _ordered(
    seed: int, first: int, config: SynthConfig, encode: Encode[T], workers: int
) -> Generator[Made[T] | Raised, None, None]:
    start = first
    if workers == 0:
        while True:
            yield from make(seed, range(start, start + 1), config, encode)
            start += 1
    # Started from a clean interpreter: the caller may hold threads or a GPU.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=end_with_parent) as pool:
        pending: deque[Future[list[Made[T] | Raised]]] = deque()
        try:
            while True:
                while len(pending) < AHEAD * workers:
                    indices = range(start, start + CHUNK)
                    pending.append(pool.submit(make, seed, indices, config, encode))
                    start += CHUNK
                yield from pending.popleft().result()
        finally:
            for work in pending:
                work.cancel()
