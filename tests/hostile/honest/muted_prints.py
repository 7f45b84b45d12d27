# Mutes what is printed by sending it to the null device, as many scripts do.
# expect: OK
import contextlib
import os
import sys

def transform(grid):
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        print("not seen")
    return grid
