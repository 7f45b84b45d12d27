# Takes processor time and descriptors from the programs that run beside it, by setting their limits.
# expect: OK
# needs: namespaces
import os
import resource
import time

def transform(grid):
    me, end = os.getpid(), time.monotonic() + 0.4
    while time.monotonic() < end:
        for pid in range(me + 1, me + 8):
            for kind, limits in ((resource.RLIMIT_CPU, (0, 0)), (resource.RLIMIT_FSIZE, (0, 0)), (resource.RLIMIT_AS, (1, 1))):
                try:
                    resource.prlimit(pid, kind, limits)
                except (PermissionError, ProcessLookupError):
                    continue
                raise AssertionError(f"limit {kind} of process {pid}")
    return grid
