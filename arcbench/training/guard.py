"""Ends a process group when the process that started this one is gone, however that happened.

`python guard.py PGID GRACE_S` reads its standard input, whose other end the starter holds: a byte
says that all is well and ends it, the end of the file that the starter is dead. It needs no part of
arcbench, so that it is up at once.
"""

import os
import signal
import sys
import time
from contextlib import suppress


def end_group(group: int, grace_s: float) -> None:
    """SIGTERM to all of a group, and SIGKILL to who is left after `grace_s` seconds."""
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(group, signal.SIGTERM)
        os.killpg(group, signal.SIGCONT)  # who is stopped hears nothing else
        deadline = time.monotonic() + grace_s
        while time.monotonic() < deadline:
            time.sleep(0.1)
            os.killpg(group, 0)
        os.killpg(group, signal.SIGKILL)


def main() -> None:
    """Wait for one or the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the starter, which says so
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if not os.read(0, 1):
        end_group(int(sys.argv[1]), float(sys.argv[2]))


if __name__ == "__main__":
    main()
