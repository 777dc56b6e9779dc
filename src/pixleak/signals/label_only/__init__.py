"""Signals that ask the model more than once about a record, and need no more than labels."""
