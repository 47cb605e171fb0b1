#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: every particle of a landscape job. Installed, the same is gem-external-landscape-full."""

try:
    from gem_plugin.adapters.relion.jobs import landscape_full_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    landscape_full_main()
