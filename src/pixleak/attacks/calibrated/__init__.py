"""Attacks that compare a record with what is expected of it, by references or its difficulty."""
