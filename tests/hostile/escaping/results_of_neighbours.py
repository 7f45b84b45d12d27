# Opens the pipes of programs that run at the same time, by their names in /proc, and takes what
# is in them.
# expect: OK
# needs: namespaces
import os
import stat
import time

def transform(grid):
    mine = os.fstat(3).st_ino
    me, parent, end = os.getpid(), os.getppid(), time.monotonic() + 0.4
    taken = []
    while time.monotonic() < end:
        for pid in (parent, *range(me + 1, me + 12)):
            for fd in range(3, 16):
                try:
                    pipe = os.open(f"/proc/{pid}/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK)
                except OSError:
                    continue
                found = os.fstat(pipe)
                if stat.S_ISFIFO(found.st_mode) and found.st_ino != mine:
                    taken.append((pid, fd))
                    try:
                        os.read(pipe, 1 << 16)
                    except OSError:
                        pass
                os.close(pipe)
    assert not taken, taken[:5]
    return grid
