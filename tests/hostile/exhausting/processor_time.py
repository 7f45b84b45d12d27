# Computes in two threads that let go of the interpreter's lock.
# expect: TIMEOUT
# outputs: none
import hashlib
import threading

def work():
    data = bytes(10**6)
    while True:
        hashlib.sha256(data)

def transform(grid):
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
