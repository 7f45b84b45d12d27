# Defines `transform` as a lambda.
# expect: OK
transform = lambda grid: grid
