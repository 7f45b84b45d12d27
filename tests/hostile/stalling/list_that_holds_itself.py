# Returns a list that is its own only row.
# expect: BAD_OUTPUT | RAISED
def transform(grid):
    rows = []
    rows.append(rows)
    return rows
