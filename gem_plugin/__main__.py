"""`python -m gem_plugin` is `gem-em`; torchrun starts it this way."""

from gem_plugin.cli.main import main

if __name__ == "__main__":
    main()
