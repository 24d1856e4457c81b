"""A small language to ask for runs: names, comparisons, and, or, not."""
