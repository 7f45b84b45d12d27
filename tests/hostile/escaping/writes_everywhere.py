# Writes a file wherever it may: beside it, in temporary folders, among the libraries.
# expect: OK
# needs: isolation
import os
import sys

def transform(grid):
    places = [".", "/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/run/lock", "/mnt", "/root", "/home", "@CHECKOUT@", *sys.path]
    places += [os.path.dirname(os.__file__), os.path.expanduser("~")]
    for place in places:
        for mode in ("w", "a", "x", "r+", "wb"):
            try:
                open(os.path.join(place, "left-by-a-program"), mode)
            except OSError:
                continue
            raise AssertionError((place, mode))
    return grid
