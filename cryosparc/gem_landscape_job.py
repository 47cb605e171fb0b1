"""Start the external job gem-cryosparc-landscape from a checkout: python cryosparc/gem_landscape_job.py --project P3 --workspace W1 ..."""

from gem_plugin.adapters.cryosparc.commands import landscape_main

if __name__ == "__main__":
    landscape_main()
