"""``python -m labsyn`` is the command ``labsyn``."""

from labsyn.cli.main import main

main()
