# Squares an integer until it does not fit, or its time is up.
# expect: OUT_OF_MEMORY | TIMEOUT
# outputs: none
def transform(grid):
    n = 10**10**6
    while True:
        n *= n
