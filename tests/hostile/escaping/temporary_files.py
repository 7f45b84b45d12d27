# Asks for a temporary file of any kind.
# expect: OK
# needs: isolation
import os
import tempfile

def transform(grid):
    for make in (tempfile.TemporaryFile, tempfile.NamedTemporaryFile, tempfile.TemporaryDirectory):
        try:
            os.listdir(make(prefix="left-by-a-program").name)
        except OSError:
            continue
        raise AssertionError(make)
    for place in ("/tmp", "/dev/shm", "."):
        try:
            os.open(place, os.O_TMPFILE | os.O_RDWR)
        except OSError:
            continue
        raise AssertionError(place)
    return grid
