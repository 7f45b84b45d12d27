"""Programs that come one after the other, slowly or fast, and executions as they end."""

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from arcbench.sandbox.types import Execution, News, Program, ProgramRunner

T = TypeVar("T")


def flow(
    pool: ProgramRunner,
    work: Iterable[tuple[T, Program | Execution]],
    *,
    window: int,
) -> Generator[tuple[T, Execution], None, None]:
    """Run the programs of (item, program); yield (item, execution) in the order of their ends.

    `work` is pulled in a thread of its own, as long as fewer than `window` items are on their way:
    pulled, but not taken by the reader. Where it has an execution there is nothing to run. An
    error of `work` is raised here after all that came before it. Closing this generator cancels
    what has not started and ends the pulling at the next item; if `work` is a generator, it is
    closed then, in that thread.
    """
    box: SimpleQueue[News | None] = SimpleQueue()  # None: all that there is has been handed in
    room = threading.Semaphore(window)
    stop = threading.Event()
    held: dict[int, T] = {}
    handed_in = 0
    feed = pool.open(box.put)

    def pull() -> None:
        nonlocal handed_in
        try:
            for item, program in work:
                room.acquire()
                if stop.is_set():
                    return
                number = handed_in
                held[number] = item
                handed_in += 1
                if isinstance(program, Program):
                    feed.hand_in([(number, program)])
                else:
                    box.put([(number, program)])
        finally:
            if isinstance(work, Generator):
                work.close()

    puller = ThreadPoolExecutor(max_workers=1, thread_name_prefix="arcbench-flow")
    try:
        pulling = puller.submit(pull)
        pulling.add_done_callback(lambda _: box.put(None))
        ended, taken = False, 0
        while not (ended and taken == handed_in):
            news = box.get()
            if news is None:
                ended = True
            elif isinstance(news, Exception):
                raise news
            else:
                for number, execution in news:
                    taken += 1
                    yield held.pop(number), execution
                    room.release()
        pulling.result()
    finally:
        stop.set()
        room.release()
        feed.close()
        puller.shutdown(wait=False)
