"""``python -m pixleak`` is the ``pixleak`` command."""

from pixleak.cli.app import main

main()
