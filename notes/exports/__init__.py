"""Notes as files: for reading, for players, and all of them at once."""
