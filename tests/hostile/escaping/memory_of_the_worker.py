# Reads and writes the memory of the process that forked it.
# expect: OK
# needs: isolation
import os

def transform(grid):
    for pid in (os.getppid(), "self", 1):
        for name, mode in (("mem", "rb"), ("mem", "r+b"), ("maps", "rb"), ("environ", "rb"), ("cmdline", "rb")):
            try:
                open(f"/proc/{pid}/{name}", mode)
            except (PermissionError, FileNotFoundError):
                continue
            raise AssertionError(f"/proc/{pid}/{name}")
    return grid
