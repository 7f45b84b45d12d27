# Catches the end of memory and asks again, for ever.
# expect: TIMEOUT | DIED | OUT_OF_MEMORY
# outputs: none
def transform(grid):
    kept = []
    while True:
        try:
            kept.append(bytearray(10**7))
        except MemoryError:
            pass
