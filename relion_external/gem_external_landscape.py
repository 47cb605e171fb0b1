#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: states from a train job. Installed, the same is gem-external-landscape."""

try:
    from gem_plugin.adapters.relion.jobs import landscape_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    landscape_main()
