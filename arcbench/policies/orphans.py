"""Ends the processes that a library started for us when we are gone, however that happened.

vLLM's engine waits for ever for requests of a process that was killed, with the GPU's memory held.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress

_KEPT: list["subprocess.Popen[bytes]"] = []  # their standard input closes with this process


def end_with_us(pids: Iterable[int], *, grace_s: float = 10.0) -> None:
    """Start a process that ends these when this process has ended.

    SIGTERM first, SIGKILL for who is left after `grace_s`. They are held by descriptors, so that no
    other process that gets one of the numbers is meant.
    """
    held: list[int] = []
    for pid in pids:
        with suppress(ProcessLookupError):  # it has ended already
            held.append(os.pidfd_open(pid))
    _KEPT.append(
        subprocess.Popen(
            [sys.executable, "-IS", __file__, str(grace_s), *map(str, held)],
            stdin=subprocess.PIPE,  # its end tells
            pass_fds=held,
            start_new_session=True,  # Ctrl-C is for us
        )
    )
    for fd in held:
        os.close(fd)


def main() -> None:
    """Wait for the end of standard input, whose other end is ours, then end the descriptors."""
    grace_s, held = float(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    sys.stdin.buffer.read()
    deadline = time.monotonic() + grace_s
    for number in (signal.SIGTERM, signal.SIGKILL):
        for fd in held:
            with suppress(ProcessLookupError):  # it has ended by itself
                signal.pidfd_send_signal(fd, number)
        while held and time.monotonic() < deadline:
            ended, _, _ = select.select(held, [], [], max(0.0, deadline - time.monotonic()))
            held = [fd for fd in held if fd not in ended]


if __name__ == "__main__":
    main()
