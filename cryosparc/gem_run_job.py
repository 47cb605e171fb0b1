"""Start the external job gem-cryosparc-run from a checkout: python cryosparc/gem_run_job.py --project P3 --workspace W1 ..."""

from gem_plugin.adapters.cryosparc.commands import run_main

if __name__ == "__main__":
    run_main()
