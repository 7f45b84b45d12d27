# Looks for files where it works, and for a way up from there.
# expect: OK
# needs: isolation
import os

def transform(grid):
    for path in (".", "..", "../..", "/proc/self/cwd", "/proc/self/root"):
        try:
            found = os.listdir(path)
        except (PermissionError, FileNotFoundError):
            continue
        raise AssertionError((path, found))
    return grid
