# Holds the lock of all imports in a thread and imports.
# expect: TIMEOUT
# outputs: none
import _imp
import threading
import time

def hold():
    _imp.acquire_lock()
    time.sleep(60)

def transform(grid):
    threading.Thread(target=hold, daemon=True).start()
    time.sleep(0.05)
    import wave
    return grid
