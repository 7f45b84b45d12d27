# Takes descriptors and processor time from the process that forked it, by setting its limits.
# expect: OK
# needs: isolation
import os
import resource

def transform(grid):
    parent = os.getppid()
    if parent == 0:
        return grid
    for kind, limits in ((resource.RLIMIT_NOFILE, (3, 3)), (resource.RLIMIT_CPU, (1, 1)), (resource.RLIMIT_AS, (1, 1))):
        try:
            resource.prlimit(parent, kind, limits)
        except (PermissionError, ProcessLookupError):
            continue
        raise AssertionError(f"limit {kind} of the worker")
    return grid
