# Starts as many threads as it can with the smallest stacks, to use the machine's numbers up.
# expect: RAISED | OUT_OF_MEMORY | DIED | TIMEOUT | FORBIDDEN
# outputs: none
import _thread
import ctypes

def transform(grid):
    ctypes.CDLL(None).mallopt(-8, 1)  # M_ARENA_MAX: or the C library reserves 64 MB a thread
    _thread.stack_size(32768)
    lock = _thread.allocate_lock()
    lock.acquire()
    while True:
        _thread.start_new_thread(lock.acquire, ())
