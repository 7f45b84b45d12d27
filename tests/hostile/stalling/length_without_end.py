# Returns a list whose class never tells its length.
# expect: TIMEOUT
# outputs: none
class Endless(list):
    def __len__(self):
        while True:
            pass

def transform(grid):
    return Endless([[1]])
