"""Phonograph on Asterisk, over its REST interface (ARI)."""
