"""The binary layouts between parent, zygote and child. Standard library only: zygotes load it.

parent → zygote   u32 size, u32 job, u32 code bytes, u16 inputs; code; each input as a grid
zygote → parent   u32 size, u32 job, u8 ending, i32 wait status, f64 seconds; messages
child → zygote    messages: u8 kind, u16 input, u8 status, u32 size; body
grid              u16 rows, u16 columns; rows x columns cells of one byte
hello (job 0)     the first frame of a zygote; its body names the isolation, `name=0|1` a line
"""

import struct

FRAME = struct.Struct("<II")  # size of what follows the size field, job
REQUEST = struct.Struct("<IH")  # bytes of code, inputs
REPLY = struct.Struct("<Bid")  # ending, wait status, seconds
MESSAGE = struct.Struct("<BHBI")  # kind, input, status, bytes of body
SHAPE = struct.Struct("<HH")  # rows, columns

HELLO = 0  # no job has this number

# How a child ended, as its zygote saw it.
EXITED, TIMED_OUT, FLOODED = range(3)

# Kinds of message. WHOLE is a failure of the program as a whole, END is sent last.
RESULT, WHOLE, PRINTED, END = range(1, 5)

# Status of a message, in the order of `Outcome` in types.py, which a zygote does not load.
OK, NO_CODE, SYNTAX_ERROR, NO_TRANSFORM, RAISED, TIMEOUT, OUT_OF_MEMORY, BAD_OUTPUT, FORBIDDEN, DIED = range(10)  # fmt: skip  # noqa: E501

MAX_TEXT = 2_000  # bytes of a failure's message
# Text of a model may hold lone surrogates: they reach the child, where Python refuses them.
TEXT_ERRORS = "surrogatepass"


def reply_limit(num_inputs: int, max_output_cells: int, max_stdout_kb: int) -> int:
    """How many bytes an honest child can send at most."""
    per_input = MESSAGE.size + max(SHAPE.size + max_output_cells, MAX_TEXT)
    # Printed text may come in messages of a few bytes each.
    return (num_inputs + 2) * per_input + max_stdout_kb * 1024 * (1 + MESSAGE.size)


def message(kind: int, index: int, status: int, body: bytes) -> bytes:
    """One message of a child."""
    return MESSAGE.pack(kind, index, status, len(body)) + body
