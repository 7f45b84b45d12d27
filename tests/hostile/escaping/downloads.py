# Downloads something.
# expect: FORBIDDEN | RAISED
# needs: isolation
from urllib.request import urlopen

def transform(grid):
    urlopen("http://127.0.0.1:80/", timeout=5).read()
    return grid
