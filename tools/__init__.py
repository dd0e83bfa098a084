"""What a contributor's commands run: set-up, locks, tests on every Python.

What runs before ``.venv`` stands uses the standard library only.
"""
