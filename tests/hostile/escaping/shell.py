# Starts a shell by all of Python's ways.
# expect: OK
# needs: isolation
import os
import pty
import subprocess

def transform(grid):
    attempts = {
        "subprocess": lambda: subprocess.run(["/bin/true"]),
        "shell": lambda: subprocess.run("true", shell=True),
        "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "popen": lambda: os.popen("true").read(),
        "pty": lambda: pty.fork(),
        "spawn": lambda: os.spawnv(os.P_WAIT, "/bin/true", ["true"]),
    }
    for name, attempt in attempts.items():
        try:
            attempt()
        except (PermissionError, FileNotFoundError, OSError):
            continue
        raise AssertionError(name)
    assert os.system("true") != 0
    return grid
