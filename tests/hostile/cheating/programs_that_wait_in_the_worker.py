# Looks for the text of other programs of the batch among the objects of its process.
# expect: RAISED
# message: no other program
import gc
import sys

MARK = " ".join(("a neighbour", "of the catalogue"))  # the compiler joins what is added

def transform(grid):
    stack = gc.get_objects()
    frame = sys._getframe()
    while frame is not None:
        stack += list(frame.f_locals.values())
        frame = frame.f_back
    seen = {id(stack)}
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, str) and MARK in value and value is not MARK:
            return grid
        if isinstance(value, (bytes, bytearray)) and MARK.encode() in value:
            return grid
        stack.extend(gc.get_referents(value))
    raise LookupError("no other program")
