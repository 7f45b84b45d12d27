# Returns a list with an object that claims to be an array at an address that is not mapped.
# expect: DIED | BAD_OUTPUT
# outputs: none
class Hole:
    __array_interface__ = {
        "shape": (2, 3), "typestr": "|i1", "data": (4096, False), "version": 3,
    }

def transform(grid):
    return [Hole()]
