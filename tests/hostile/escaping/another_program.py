# Becomes another program.
# expect: FORBIDDEN
# needs: isolation
import os

def transform(grid):
    os.execv("/bin/sh", ["sh", "-c", "echo left-by-a-program > /tmp/left-by-a-program"])
