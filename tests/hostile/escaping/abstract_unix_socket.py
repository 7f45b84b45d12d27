# Connects to sockets that lie in no folder.
# expect: FORBIDDEN
# needs: isolation
import socket

def transform(grid):
    with socket.socket(socket.AF_UNIX) as door:
        door.connect("\0/tmp/.X11-unix/X0")
    return grid
