# Prints numbers, arrays and words of all alphabets.
# expect: OK
# stdout: größer 🙂
def transform(grid):
    print(grid)
    print("größer 🙂", len(grid), sep=" ", end="!\n", flush=True)
    return grid
