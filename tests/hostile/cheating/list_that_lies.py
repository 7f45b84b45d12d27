# Returns a list of 40 rows whose class says that there are two: it is taken at its word.
# expect: OK | BAD_OUTPUT
# outputs: [[1, 2], [3, 4]]
class Liar(list):
    def __len__(self): return 2
    def __iter__(self): return iter([[1, 2], [3, 4]])

def transform(grid):
    return Liar([[1, 2]] * 40)
