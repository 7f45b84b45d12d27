# Makes a pair of sockets, over which descriptors could be sent.
# expect: FORBIDDEN
# needs: isolation
import socket

def transform(grid):
    socket.socketpair()
    return grid
