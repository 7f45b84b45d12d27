# Works in threads that it waits for.
# expect: OK
import threading
from concurrent.futures import ThreadPoolExecutor

def transform(grid):
    rows = [None] * len(grid)
    def work(i):
        rows[i] = grid[i].tolist()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(grid))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(list, rows))
