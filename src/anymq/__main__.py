"""`python -m anymq`."""

import sys

from anymq.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
