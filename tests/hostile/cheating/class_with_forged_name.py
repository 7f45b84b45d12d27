# Returns an object whose class has no name.
# expect: BAD_OUTPUT | RAISED
class Meta(type):
    @property
    def __name__(cls): raise SystemExit

class Nameless(metaclass=Meta):
    pass

def transform(grid):
    return Nameless()
