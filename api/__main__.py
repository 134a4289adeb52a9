"""``python -m api`` is ``calx``."""

from .cli import main

main()
