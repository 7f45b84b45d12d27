# Counts its calls in a global variable.
# expect: OK
# outputs: same; [[2, 2], [2, 2]]
calls = 0

def transform(grid):
    global calls
    calls += 1
    return grid if calls == 1 else grid * 0 + calls
