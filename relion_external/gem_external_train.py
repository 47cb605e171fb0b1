#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: learn the motion from refined particles. Installed, the same is gem-external-train."""

try:
    from gem_plugin.adapters.relion.jobs import train_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    train_main()
