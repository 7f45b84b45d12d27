# Watches and disturbs the driver by the interpreter's own monitoring, where it has that.
# expect: OK | DIED | RAISED
import sys

def transform(grid):
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        def disturb(*args):
            raise RuntimeError("in the driver")
        monitoring.use_tool_id(0, "x")
        monitoring.register_callback(0, monitoring.events.PY_START, disturb)
        monitoring.set_events(0, monitoring.events.PY_START)
    return grid
