"""`python -m arcbench`."""

from arcbench.cli import main

if __name__ == "__main__":
    main()
