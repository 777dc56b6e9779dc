"""Signals that query the model several times per record and need labels only."""
