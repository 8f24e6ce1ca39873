"""`python -m anymq`."""

from anymq.cli.main import main

if __name__ == "__main__":
    main()
