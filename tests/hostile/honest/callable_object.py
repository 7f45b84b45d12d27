# Defines `transform` as an object that can be called.
# expect: OK
class Solver:
    def __init__(self): self.memory = {}
    def __call__(self, grid): return self.memory.setdefault(grid.tobytes(), grid)

transform = Solver()
