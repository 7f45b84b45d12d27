# Interrupts itself by timers without end and handles every interruption.
# expect: TIMEOUT
# outputs: none
import signal

def transform(grid):
    signal.signal(signal.SIGALRM, lambda *args: None)
    signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
    while True:
        signal.pause()
