# Raises an error whose text takes for ever to make.
# expect: TIMEOUT
# outputs: none
class Endless(Exception):
    def __str__(self):
        while True:
            pass

def transform(grid):
    raise Endless
