# Opens devices of the machine.
# expect: OK
# needs: isolation
import os

def transform(grid):
    for name in ("mem", "kmsg", "sda", "vda", "nvidia0", "nvidiactl", "dri/card0", "kvm", "fuse", "net/tun", "tty", "ptmx", "shm", "vsock", "loop-control"):
        for flags in (os.O_RDONLY, os.O_RDWR):
            try:
                os.open(f"/dev/{name}", flags)
            except OSError:
                continue
            raise AssertionError(name)
    return grid
