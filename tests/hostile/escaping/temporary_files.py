# Asks for a temporary file of any kind.
# expect: OK
# needs: isolation
import os
import tempfile

def transform(grid):
    for make in (tempfile.TemporaryFile, tempfile.NamedTemporaryFile, tempfile.mkdtemp):
        try:
            make(prefix="left-by-a-program")
        except (PermissionError, FileNotFoundError):
            continue
        raise AssertionError(make)
    for place in ("/tmp", "/dev/shm", "."):
        try:
            os.open(place, os.O_TMPFILE | os.O_RDWR)
        except (PermissionError, FileNotFoundError):
            continue
        raise AssertionError(place)
    return grid
