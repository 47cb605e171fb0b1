"""The external jobs: gem-cryosparc-run, -train, -landscape, -landscape-full and -select. What each does is one table.

CryoSPARC cannot queue external jobs: these commands run where they are started, in a shell or a queue's job.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from gem_plugin.adapters.cryosparc_client import connect_to_cryosparc
from gem_plugin.adapters.cryosparc_external import ExternalJob
from gem_plugin.adapters.cryosparc_inputs import (
    RUN_FOLDER_NAME,
    JobFolders,
    connect_input,
    find_folders,
    find_input,
    image_folder,
    map_file,
    particles_file,
)
from gem_plugin.adapters.cryosparc_outputs import JobOutputs, particle_states, save_particles_with_latents
from gem_plugin.adapters.cryosparc_outputs import save_states, save_training_maps
from gem_plugin.adapters.cryosparc_progress import CryosparcProgress
from gem_plugin.adapters.cryosparc_project import CryosparcProject, SourceOutput
from gem_plugin.adapters.cryosparc_resume import JobRecord
from gem_plugin.adapters.cryosparc_session import running_job
