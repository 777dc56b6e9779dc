"""Small records in memory, for tests that train."""

from pixleak.testing.worlds.records import bright_squares as bright_squares
