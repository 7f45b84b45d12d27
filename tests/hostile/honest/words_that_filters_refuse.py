# Speaks of open(), eval(, exec, import os, subprocess and input() in comments and texts.
# expect: OK

# open("/etc/passwd"), os.system("rm -rf /"), __import__("socket"), input(), while True:
"""open( eval( exec( __import__ subprocess os.system input( globals( __builtins__"""

NOTE = "open('x', 'w'); import socket; random.random(); input()"

def transform(grid):
    # input(): the grid; open(cells) are those that are 0
    input_grid = grid
    reopened = {"open(": 1, "exec": 2}
    return input_grid if reopened and NOTE else None
