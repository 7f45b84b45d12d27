# Doubles a list until there is no room.
# expect: OUT_OF_MEMORY
# outputs: none
def transform(grid):
    found = [0]
    while True:
        found += found
