# Lists processes and opens descriptors of others by their names in /proc.
# expect: OK
# needs: isolation
import os

def transform(grid):
    parent = os.getppid()
    for path in ("/proc", "/proc/self/fd", f"/proc/{parent}/fd", f"/proc/{parent}/task", "/dev/fd", "/"):
        try:
            os.listdir(path)
        except (PermissionError, FileNotFoundError):
            continue
        raise AssertionError(path)
    for path in (f"/proc/{parent}/fd/{fd}" for fd in range(64)):
        try:
            found = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        assert os.path.samestat(os.fstat(found), os.stat("/dev/null")), path
    return grid
