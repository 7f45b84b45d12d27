# Changes the colours of `common` and the functions of `concepts` for those after it.
# expect: OK
import common
import concepts

for name in [n for n in vars(common.Color) if n.isupper()]:
    setattr(common.Color, name, 0)
for module in (common, concepts):
    for name in [n for n in vars(module) if not n.startswith("_")]:
        setattr(module, name, None)

def transform(grid):
    return grid
