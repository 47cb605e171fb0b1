"""Start the external job gem-cryosparc-select from a checkout: python cryosparc/gem_select_job.py --project P3 --workspace W1 ..."""

from gem_plugin.adapters.cryosparc.commands import select_main

if __name__ == "__main__":
    select_main()
