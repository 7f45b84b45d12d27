"""What is wrong with a run, and since when, by its metrics alone."""
