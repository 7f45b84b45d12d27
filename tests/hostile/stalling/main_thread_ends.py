# Ends its main thread alone, so that the process is dead to some and alive to others.
# expect: TIMEOUT
# outputs: none
import ctypes
import os
import threading
import time

def transform(grid):
    threading.Thread(target=time.sleep, args=(60,)).start()
    ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[os.uname().machine], 0)
