"""Checks of fixed and learned signals and of difficulties."""
