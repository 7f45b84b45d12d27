# Tries a file and a process that it may not have and goes on without.
# expect: OK
import os
import subprocess

def transform(grid):
    try:
        open("/tmp/left-by-a-program", "w")
    except OSError:
        pass
    try:
        subprocess.run(["true"])
    except OSError:
        pass
    os.path.exists("weights.npz")
    os.getcwd
    return grid
