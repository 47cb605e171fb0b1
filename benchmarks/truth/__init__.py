"""Sets of particles whose every atom is known, and scores of a run against that truth; bench_truth.py is the command."""
