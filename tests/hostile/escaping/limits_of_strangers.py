# Asks for the limits of processes that have nothing to do with it: who can ask can also set.
# expect: OK
# needs: namespaces
import os
import resource

def transform(grid):
    me = os.getpid()
    for pid in range(max(2, me - 3000), me):
        try:
            found = resource.prlimit(pid, resource.RLIMIT_CORE)
        except (PermissionError, ProcessLookupError):
            continue
        raise AssertionError(f"limits of process {pid}: {found}")
    return grid
