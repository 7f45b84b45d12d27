# Joins a thread that waits for the one that joins it.
# expect: TIMEOUT
# outputs: none
import threading

def transform(grid):
    main = threading.current_thread()
    other = threading.Thread(target=main.join)
    other.start()
    other.join()
