"""Signals of generators: output and true image -> one number per record."""
