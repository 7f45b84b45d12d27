# Turns the numbers of the result layout round in the driver's own module.
# expect: DIED
# outputs: none
# message: tampered
import sys

def transform(grid):
    wire = sys.modules["arcbench.sandbox.wire"]
    wire.BAD_OUTPUT = wire.RAISED = wire.OK
    sys.modules["arcbench.sandbox.returned"].wire.BAD_OUTPUT = wire.OK
    return "no grid, but called one"
