"""Start the external job gem-cryosparc-train from a checkout: python cryosparc/gem_train_job.py --project P3 --workspace W1 ..."""

from gem_plugin.adapters.cryosparc.commands import train_main

if __name__ == "__main__":
    train_main()
