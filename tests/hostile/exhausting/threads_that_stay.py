# Holds as many threads as it can until its time is up.
# expect: TIMEOUT
# outputs: none
import _thread
import ctypes
import time

def transform(grid):
    ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX: or the C library reserves 64 MB a thread
    _thread.stack_size(32768)
    lock = _thread.allocate_lock()
    lock.acquire()
    try:
        while True:
            _thread.start_new_thread(lock.acquire, ())
    except RuntimeError:
        time.sleep(60)
