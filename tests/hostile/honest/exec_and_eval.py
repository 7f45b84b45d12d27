# Makes functions from text.
# expect: OK
def transform(grid):
    space = {}
    exec("def f(x):\n    return x", space)
    assert eval("1 + 1") == 2
    return space["f"](grid)
