# Starts threads until there is no room for their stacks.
# expect: RAISED | OUT_OF_MEMORY | DIED | TIMEOUT | FORBIDDEN
# outputs: none
import threading
import time

def transform(grid):
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
