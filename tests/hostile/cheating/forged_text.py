# Sends a failure whose text is no UTF-8.
# expect: RAISED
# message: �
# outputs: none
import os
import struct

text = b"\xff\xfe\x00\x80"
os.write(3, struct.pack("<BHBI", 2, 0, 4, len(text)) + text)
os._exit(0)
