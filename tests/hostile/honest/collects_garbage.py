# Steers the garbage collector and makes cycles.
# expect: OK
import gc
import weakref

class Node:
    pass

def transform(grid):
    gc.disable()
    nodes = [Node() for _ in range(1000)]
    for one, other in zip(nodes, nodes[1:] + nodes[:1]):
        one.next = other
    seen = weakref.ref(nodes[0])
    del nodes, one, other
    gc.enable()
    gc.collect()
    assert seen() is None
    return grid
