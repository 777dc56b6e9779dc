"""``python -m pixleak`` is the ``pixleak`` command."""

from pixleak.cli import main

main()
