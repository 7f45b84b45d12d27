# Leaves the work to processes of its own.
# expect: FORBIDDEN | RAISED
# needs: isolation
import multiprocessing

def transform(grid):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=print)
    process.start()
    process.join()
    return grid
