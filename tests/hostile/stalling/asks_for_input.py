# Asks the researcher a question.
# expect: RAISED
# message: EOFError
def transform(grid):
    return input("password? ")
