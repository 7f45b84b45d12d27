# Ends its process as if all was well.
# expect: DIED
# message: ended its process with code 0
# outputs: none
import os

os._exit(0)
