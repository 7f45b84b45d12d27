# Changes owner, rights, times and attributes of files that belong to its user.
# expect: OK
# needs: isolation
import os

def transform(grid):
    path = os.__file__
    with open(path) as file:
        attempts = {
            "chmod": lambda: os.chmod(path, 0o777), "fchmod": lambda: os.fchmod(file.fileno(), 0o777),
            "chown": lambda: os.chown(path, 0, 0), "lchown": lambda: os.lchown(path, 0, 0),
            "utime": lambda: os.utime(path), "futime": lambda: os.utime(file.fileno()),
            "setxattr": lambda: os.setxattr(path, "user.left-by-a-program", b"x"),
            "removexattr": lambda: os.removexattr(path, "user.x"),
        }
        for name, attempt in attempts.items():
            try:
                attempt()
            except PermissionError:
                continue
            raise AssertionError(name)
    return grid
