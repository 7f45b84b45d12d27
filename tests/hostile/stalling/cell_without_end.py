# Returns a list with an object that never becomes an array.
# expect: TIMEOUT
# outputs: none
class Endless:
    def __array__(self, *args, **kwargs):
        while True:
            pass

def transform(grid):
    return [[Endless()]]
