# Leaves a thread running that an interpreter would wait for.
# expect: OK
import threading
import time

def transform(grid):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return grid
