#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: particles of chosen states. Installed, the same is gem-external-select."""

try:
    from gem_plugin.adapters.relion.jobs import select_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    select_main()
