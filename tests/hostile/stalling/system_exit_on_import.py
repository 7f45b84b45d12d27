# Ends the way a script does, before there is a function.
# expect: RAISED
# message: SystemExit: 0
import sys

sys.exit(0)
