# Runs out of stack in a thread.
# expect: DIED | OK | TIMEOUT | OUT_OF_MEMORY
import sys
import threading

def down():
    return down() + 1

def transform(grid):
    sys.setrecursionlimit(10**9)
    thread = threading.Thread(target=down)
    thread.start()
    thread.join()
    return grid
