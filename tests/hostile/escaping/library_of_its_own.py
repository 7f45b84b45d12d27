# Loads a library from where others might have put one.
# expect: OK
# needs: isolation
import ctypes

def transform(grid):
    for path in ("/tmp/left-by-a-program.so", "/dev/shm/left-by-a-program.so", "./left-by-a-program.so"):
        try:
            ctypes.CDLL(path)
        except OSError:
            continue
        raise AssertionError(path)
    return grid
