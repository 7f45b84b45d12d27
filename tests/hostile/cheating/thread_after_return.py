# Starts a thread that waits for the return and then writes to the result descriptor.
# expect: OK
import os
import threading
import time

def later():
    time.sleep(0.3)
    while True:
        os.write(3, bytes(4096))

def transform(grid):
    threading.Thread(target=later).start()
    return grid
