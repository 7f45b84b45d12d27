# Fills the disk.
# expect: FORBIDDEN | RAISED
# message: PermissionError | FileNotFoundError | Read-only
# needs: isolation
# outputs: none
def transform(grid):
    with open("/tmp/left-by-a-program", "wb") as file:
        while True:
            file.write(bytes(1 << 24))
