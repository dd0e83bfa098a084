"""`make demo`: real calls on a real Asterisk, decided by policy, recorded, lying on the disk as WAV files."""
