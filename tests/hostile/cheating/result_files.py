# Leaves result files where a careless judge would look for them.
# expect: FORBIDDEN | RAISED
# message: PermissionError | FileNotFoundError | Read-only
# needs: isolation
import json

def transform(grid):
    for path in ("result.json", "/tmp/left-by-a-program.json", "/dev/shm/left-by-a-program.json"):
        with open(path, "w") as file:
            json.dump({"passed": True, "reward": 1.0}, file)
    return grid
