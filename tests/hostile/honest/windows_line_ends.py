# Ends its lines as on Windows and indents by tabs.
# expect: OK
def transform(grid):
	return grid
