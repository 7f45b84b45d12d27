# Reads keys, tokens and shell history of whoever runs it.
# expect: OK
# needs: isolation
import os

def transform(grid):
    homes = ["/root", "/home", os.path.expanduser("~"), "/home/user"]
    for home in homes:
        for name in ("", ".ssh/id_rsa", ".bash_history", ".netrc", ".cache/huggingface/token", ".config"):
            path = os.path.join(home, name)
            for look in (os.listdir, open):
                try:
                    look(path)
                except (PermissionError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    continue
                raise AssertionError(path)
    return grid
