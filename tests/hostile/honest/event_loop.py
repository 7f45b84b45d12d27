# Runs coroutines by hand.
# expect: OK
async def double(grid):
    return grid

def transform(grid):
    try:
        double(grid).send(None)
    except StopIteration as done:
        return done.value
