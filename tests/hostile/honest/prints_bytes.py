# Uses what the standard output has beside `print`: its encoding, its bytes, its settings.
# expect: OK
import sys

def transform(grid):
    assert sys.stdout.encoding.lower().startswith("utf")
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.isatty()
    return grid
