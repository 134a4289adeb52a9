"""``python -m calx`` is ``calx``."""

from calx.api.cli.main import main

if __name__ == "__main__":
    main()
