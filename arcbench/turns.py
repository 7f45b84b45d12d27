"""Taking turns: processes that want the same GPU go one after the other, in the order they came.

Each one leaves a ticket file with its process in the name. The ticket of a process that has ended
counts for nothing, so there is no server, and nothing to clean up after a kill.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from arcbench.runs import is_alive, process_start

LOOK_EVERY_S = 0.3
ENVIRONMENT = "ARCBENCH_TURNS"  # the folder of the turns that a work started with it takes
FOLDER = ".turns"  # within the folder of runs


@contextmanager
def turn(
    folder: Path,
    name: str,
    *,
    places: int = 1,
    waiting: Callable[[list[str]], None] = lambda names: None,
) -> Iterator[None]:
    """Wait until fewer than `places` of those who came before are left, then run the body.

    `waiting` is called at every look, with the names of those before; what it raises ends the wait.
    `folder` is made where it is missing, and is for nothing else.
    """
    mine = reserve(folder, name, os.getpid())
    try:
        while len(before := _before(folder, mine)) >= places:
            waiting(before)
            time.sleep(LOOK_EVERY_S)
        yield
    finally:
        mine.unlink(missing_ok=True)


@contextmanager
def own_turn(name: str, waiting: Callable[[list[str]], None]) -> Iterator[None]:
    """`turn`, for who was started with `ENVIRONMENT`; nobody else waits."""
    folder = os.environ.get(ENVIRONMENT)
    if not folder:
        yield
        return
    with turn(Path(folder), name, waiting=waiting):
        yield


def line(folder: Path) -> list[str]:
    """The names of all who have a turn or wait for one, the first first."""
    return [_name(ticket) for ticket in _tickets(folder)]


def reserve(folder: Path, name: str, pid: int) -> Path:
    """The ticket of a process; who starts one draws it, so that the order is that of the starts."""
    folder.mkdir(parents=True, exist_ok=True)
    whose = f"-{pid}-{process_start(pid)}-{name}"
    # Under a lock: a number may not appear before a later one that has looked already.
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        tickets = _tickets(folder)
        for ticket in tickets:
            if ticket.name.endswith(whose):
                return ticket
        last = max((int(ticket.name.split("-")[0]) for ticket in tickets), default=0)
        ticket = folder / f"{last + 1:08d}{whose}"
        ticket.touch()
        return ticket
    finally:
        os.close(handle)


def _before(folder: Path, mine: Path) -> list[str]:
    return [_name(ticket) for ticket in _tickets(folder) if ticket.name < mine.name]


def _tickets(folder: Path) -> list[Path]:
    """The tickets of those who live, in order; those of the dead are removed."""
    found = []
    for ticket in sorted(folder.glob("[0-9]*-[0-9]*-[0-9]*-*")):
        _, pid, started, _ = ticket.name.split("-", 3)
        if is_alive(int(pid), int(started)):
            found.append(ticket)
        else:
            ticket.unlink(missing_ok=True)
    return found


def _name(ticket: Path) -> str:
    return ticket.name.split("-", 3)[3]
