# Asks the project itself for tasks with their answers.
# expect: FORBIDDEN | RAISED
# needs: isolation
from arcbench.tasks import load_tasks

tasks = load_tasks("arc-agi-1", "training")

def transform(grid):
    return grid
