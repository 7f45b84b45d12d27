# Parses an integer of ten million digits.
# expect: TIMEOUT
# outputs: none
import sys

def transform(grid):
    sys.set_int_max_str_digits(0)
    return int("7" * 10**7)
