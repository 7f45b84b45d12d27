# Nests its own source deeper than the parser goes.
# expect: SYNTAX_ERROR | OUT_OF_MEMORY | RAISED | DIED
# outputs: none
exec("x = " + "(" * 10**5 + ")" * 10**5)
def transform(grid): return grid
