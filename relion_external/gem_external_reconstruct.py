#!/usr/bin/env python3
"""For RELION's External tab, from a checkout: half-maps and resolution of every state. Installed, the same is gem-external-reconstruct."""

try:
    from gem_plugin.adapters.relion.jobs import reconstruct_main
except ImportError as error:
    from not_installed import end_job

    end_job(error)

if __name__ == "__main__":
    reconstruct_main()
