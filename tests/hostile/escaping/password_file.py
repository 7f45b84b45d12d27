# Reads the list of users.
# expect: FORBIDDEN | RAISED
# message: PermissionError | FileNotFoundError
# needs: isolation
def transform(grid):
    print(open("/etc/passwd").read())
    return grid
