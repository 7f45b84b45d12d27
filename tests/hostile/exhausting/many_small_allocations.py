# Takes a megabyte over and over.
# expect: OUT_OF_MEMORY
# outputs: none
def transform(grid):
    found = []
    while True:
        found.append(bytearray(10**6))
