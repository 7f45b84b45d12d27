# A thread of the program goes on changing the array that was returned.
# expect: OK | BAD_OUTPUT | DIED
# outputs: any
import sys
import threading

sys.setswitchinterval(1e-6)

def transform(grid):
    def change():
        while True:
            grid[:] = 77
            grid[:] = 7
    threading.Thread(target=change, daemon=True).start()
    return grid
