# Replaces built-in functions for itself and for those after it.
# expect: OK | BAD_OUTPUT | RAISED | DIED
import builtins

def transform(grid):
    for name in ("len", "isinstance", "type", "str", "print", "range", "enumerate", "callable"):
        setattr(builtins, name, lambda *args, **kwargs: 0)
    return grid
