# Nests a structure so deep that C code which walks it runs out of stack.
# expect: DIED | RAISED | OUT_OF_MEMORY | BAD_OUTPUT
# outputs: none
def transform(grid):
    nested = []
    for _ in range(10**6):
        nested = [nested]
    return [nested]
