"""What users bring of their own to a training: all of it, or its network, loss or optimizer."""
