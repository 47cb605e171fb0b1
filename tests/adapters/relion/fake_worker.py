"""The real worker with the fake steps of fake_steps.py in the step table; started as a program by the tests."""

from dataclasses import replace

from gem_plugin.adapters.relion import worker as job_worker
from gem_plugin.pipeline.step_table import STEPS

FAKED = ("prepare", "consensus", "train", "analyze", "landscape", "report", "select")


def use_fake_steps() -> None:
    """Point the faked steps at fake_steps.py, which lies beside this file; leave out all others."""
    for name in list(STEPS):
        module = "fake_steps" if name in FAKED else "gem_plugin.no_such_step"
        STEPS[name] = replace(STEPS[name], module=module, settings_module=module, check_name=None)


if __name__ == "__main__":
    use_fake_steps()
    job_worker.main()
