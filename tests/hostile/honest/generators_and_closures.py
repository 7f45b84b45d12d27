# Uses generators, closures, decorators, lambda, walrus, match and unpacking.
# expect: OK
from functools import lru_cache, partial, reduce

def twice(function):
    def inner(*args, **kwargs):
        return function(function(*args, **kwargs))
    return inner

@lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

def transform(grid):
    def rows():
        yield from (list(row) for row in grid)
    count = 0
    def add():
        nonlocal count
        count += 1
    add()
    match grid.shape:
        case (2, 2): name = "square"
        case (rows_, columns) if columns > rows_: name = "wide"
        case _: name = "other"
    if (n := len(name)) > 3:
        first, *rest = list(rows())
    assert fibonacci(60) == 1548008755920 and count == 1 and n
    assert twice(lambda x: x + 1)(0) == 2 and reduce(lambda a, b: a + b, [1, 2]) == 3
    assert partial(max, 1)(2) == 2 and f"{n=}"
    return [*[first], *rest]
