# Makes timers until its user may have no more of them.
# expect: OK
# needs: isolation
import ctypes
import os

def transform(grid):
    libc, column = ctypes.CDLL(None, use_errno=True), os.uname().machine == "aarch64"
    event, timer, made = (ctypes.c_int * 16)(0, 0, 0, 1), ctypes.c_int(), 0
    while made < 5000 and libc.syscall((222, 107)[column], 1, event, ctypes.byref(timer)) == 0:
        made += 1
    assert made < 5000, made
    return grid
