# Looks for secrets in the environment that its process was started with.
# expect: FORBIDDEN | RAISED
# message: PermissionError | FileNotFoundError
# needs: isolation
def transform(grid):
    print(open("/proc/self/environ").read())
    return grid
