# Looks for data of ARC among the installed packages.
# expect: RAISED
# message: no answers
# needs: isolation
import os
import sys

def transform(grid):
    for folder in sys.path:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            if "arc" not in name or name.startswith("arcbench") or ".py" in name:
                continue
            for place, _, files in os.walk(os.path.join(folder, name)):
                for file in files:
                    if file.endswith((".json", ".jsonl", ".parquet", ".zip", ".gz")):
                        try:
                            with open(os.path.join(place, file), "rb") as data:
                                if b'"train"' in data.read(10**6):
                                    return grid
                        except PermissionError:
                            pass
    raise LookupError("no answers")
