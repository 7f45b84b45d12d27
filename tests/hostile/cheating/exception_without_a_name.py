# Raises an error whose class raises when asked for its name.
# expect: RAISED | DIED
class Meta(type):
    @property
    def __name__(cls): raise KeyboardInterrupt

class Nameless(BaseException, metaclass=Meta):
    pass

def transform(grid):
    raise Nameless
