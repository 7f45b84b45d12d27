# Reads the list of users.
# expect: FORBIDDEN
# message: PermissionError
# needs: isolation
def transform(grid):
    print(open("/etc/passwd").read())
    return grid
