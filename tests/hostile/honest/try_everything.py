# Tries hypotheses and catches whatever they raise.
# expect: OK
def first(grid): return 1 // 0
def second(grid): return grid[99]
def third(grid): assert False
def fourth(grid): return grid

def transform(grid):
    for attempt in (first, second, third, fourth):
        try:
            return attempt(grid)
        except Exception:
            continue
    return None
