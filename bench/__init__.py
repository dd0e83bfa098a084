"""What recording costs, as ratios measured in one run: ``python -m bench``. docs/bench.md says how to read them."""
