# Loops for ever before there is a function.
# expect: TIMEOUT
# outputs: none
while True:
    pass
