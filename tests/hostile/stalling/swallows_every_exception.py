# Catches whatever is raised and goes on.
# expect: TIMEOUT
# outputs: none
def transform(grid):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
