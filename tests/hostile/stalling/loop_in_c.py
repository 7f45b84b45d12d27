# Runs a loop in C that no Python signal handler interrupts.
# expect: TIMEOUT
# outputs: none
def transform(grid):
    return sum(range(10**12))
