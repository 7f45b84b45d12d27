# Fills its memory with the first input, so that little is left for the second.
# expect: OK | OUT_OF_MEMORY
kept = []

def transform(grid):
    try:
        while True:
            kept.append(bytearray(10**5))
    except MemoryError:
        pass
    return grid
