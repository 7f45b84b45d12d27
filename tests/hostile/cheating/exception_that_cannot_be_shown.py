# Raises an error whose text raises the same again.
# expect: RAISED
# message: Nasty
class Nasty(Exception):
    def __str__(self): raise Nasty
    __repr__ = __str__

def transform(grid):
    raise Nasty
