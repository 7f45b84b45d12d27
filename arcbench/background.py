"""Work beside the main thread: iterating in another one, processes that end with their parent."""

import multiprocessing
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TypeVar

T = TypeVar("T")


def gathered(
    make: Callable[[], Iterator[T]], every_s: float | None = None
) -> Generator[list[T], None, None]:
    """Run an iterator in a thread; yield what it has brought since the last look.

    With `every_s` an empty list comes whenever that time has passed without news; without it no
    list is empty. Closing this generator closes the iterator at its next item. An error of the
    iterator is raised here, after what came before it.
    """
    box: queue.SimpleQueue[tuple[T, ...]] = queue.SimpleQueue()  # (): it has ended
    stop = threading.Event()

    def pump() -> None:
        items = make()
        try:
            for item in items:
                if stop.is_set():
                    break
                box.put((item,))
        finally:
            if isinstance(items, Generator):
                items.close()

    runner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="arcbench-gathered")
    try:
        work = runner.submit(pump)
        work.add_done_callback(lambda _: box.put(()))
        ended = False
        while not ended:
            news: list[T] = []
            with suppress(queue.Empty):
                found = box.get(timeout=every_s)
                while found:
                    news += found
                    found = box.get_nowait()
                ended = True
            if news or (every_s is not None and not ended):
                yield news
        work.result()
    finally:
        stop.set()
        runner.shutdown(wait=False)


def end_with_parent() -> None:
    """In a process that multiprocessing started: end when the one that started it is gone.

    A worker that waits for its next piece of work would wait for ever where that one was killed.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()


def end_child(child: subprocess.Popen[str], within_s: float) -> None:
    """Let a child that reads its standard input end by itself; kill it if it takes longer."""
    assert child.stdin is not None
    try:
        child.stdin.close()
        child.wait(within_s)
    except (OSError, subprocess.TimeoutExpired):
        child.kill()
        child.wait()
