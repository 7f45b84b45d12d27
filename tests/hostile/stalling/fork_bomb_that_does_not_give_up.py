# Forks in a loop and swallows every refusal.
# expect: TIMEOUT
# needs: isolation
# outputs: none
import os

def transform(grid):
    while True:
        try:
            os.fork()
        except OSError:
            pass
