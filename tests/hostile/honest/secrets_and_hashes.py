# Draws from the machine's randomness and hashes the grid.
# expect: OK
import hashlib
import os
import secrets

def transform(grid):
    assert len(os.urandom(4)) == 4 and secrets.randbelow(5) < 5
    hashlib.sha256(grid.tobytes()).hexdigest()
    return grid
