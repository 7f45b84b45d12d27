# Ends with a block for being run as a script, which is not run.
# expect: OK
import sys

def transform(grid):
    return grid

if __name__ == "__main__":
    print(transform(eval(sys.argv[1])))
    sys.exit(1)
