# Opens sockets of all families and kinds: internet, local, netlink, packet, of virtual machines.
# expect: OK
# needs: isolation
import socket

def transform(grid):
    for family in range(50):
        for kind in (1, 2, 3, 5):
            try:
                socket.socket(family, kind)
            except PermissionError:
                continue
            raise AssertionError(f"a socket of family {family}, kind {kind}")
    return grid
