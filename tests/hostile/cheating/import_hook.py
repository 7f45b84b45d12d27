# Installs a finder that would hand its own modules to whoever imports.
# expect: OK
import sys
import types

class Finder:
    def find_spec(self, name, path=None, target=None):
        raise ImportError("mine now")

sys.meta_path.insert(0, Finder())
sys.modules.pop("common", None)

def transform(grid):
    return grid
