"""The workbench in the browser: `python app.py [--port 7860]`, the same as `arcbench app`."""

import sys

from arcbench.cli import main

if __name__ == "__main__":
    main(["app", *sys.argv[1:]])
