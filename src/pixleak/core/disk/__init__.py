"""Files and folders that are there whole or not at all, and go with the process that owns them."""
