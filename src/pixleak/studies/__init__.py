"""Studies: a grid of audits that share what they have in common."""
