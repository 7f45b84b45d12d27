# Registers a loop for the end of the interpreter.
# expect: OK
import atexit

@atexit.register
def loop():
    while True:
        pass

def transform(grid):
    return grid
