# Is no Python at all.
# expect: SYNTAX_ERROR
# message: line 4: The
The output is the input, turned by 90 degrees.
