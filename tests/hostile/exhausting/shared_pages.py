# Maps shared memory, which counts for nobody in some accounts.
# expect: OUT_OF_MEMORY | RAISED
# outputs: none
import mmap

def transform(grid):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 1 << 26, flags=mmap.MAP_SHARED))
        kept[-1].write(bytes(1 << 26))
