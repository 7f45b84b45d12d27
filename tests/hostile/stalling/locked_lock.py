# Waits for a lock that nobody opens.
# expect: TIMEOUT
# outputs: none
import threading

def transform(grid):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
