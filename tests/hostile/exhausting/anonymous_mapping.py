# Maps memory past Python's allocator.
# expect: OUT_OF_MEMORY | RAISED
# outputs: none
import mmap

def transform(grid):
    kept = []
    while True:
        page = mmap.mmap(-1, 1 << 24)
        page.write(bytes(1 << 24))
        kept.append(page)
