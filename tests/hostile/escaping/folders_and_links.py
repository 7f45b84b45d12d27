# Makes folders, links, pipes and devices, renames and removes.
# expect: OK
# needs: isolation
import os

def transform(grid):
    new, old = "/tmp/left-by-a-program", os.__file__
    attempts = {
        "mkdir": lambda: os.mkdir(new), "symlink": lambda: os.symlink("/", new),
        "link": lambda: os.link(old, new), "mkfifo": lambda: os.mkfifo(new),
        "mknod": lambda: os.mknod(new), "rename": lambda: os.rename(old, new),
        "unlink": lambda: os.unlink(old), "rmdir": lambda: os.rmdir("/tmp"),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            continue
        raise AssertionError(name)
    return grid
