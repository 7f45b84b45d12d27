# Defines `transform` as something that cannot be called.
# expect: NO_TRANSFORM
transform = 7
