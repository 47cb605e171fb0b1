#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: everything from refined particles to states. Installed, the same is gem-external-run."""

try:
    from gem_plugin.adapters.relion.jobs import run_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    run_main()
