# Ignores and blocks every signal that can be, then waits.
# expect: TIMEOUT
# outputs: none
import signal
import time

for number in range(1, signal.NSIG):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))

def transform(grid):
    while True:
        time.sleep(10)
