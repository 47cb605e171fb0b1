#!/bin/bash
# SLURM script for GEM's CryoSPARC jobs: sbatch cryosparc_job.sh train --project P3 --workspace W1 --particles J42 --volume J42
# The first word is run, train, landscape, landscape-full or select; the rest goes to gem-cryosparc-<word>.
# CryoSPARC cannot queue external jobs, so the queue starts ours; the job appears in the workspace when it begins.
# Log in once before (python -m cryosparc.tools login --url URL), or export CRYOSPARC_EMAIL and CRYOSPARC_PASSWORD
# in a file that only you can read. Never write them here.
#SBATCH --job-name=gem-cryosparc
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --gres=gpu:1
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
#SBATCH --output=gem_cryosparc_%j.out

set -euo pipefail
name=${1:?"usage: sbatch cryosparc_job.sh run|train|landscape|landscape-full|select OPTIONS"}
shift

export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK NUMBA_NUM_THREADS=$SLURM_CPUS_PER_TASK
# After preemption SLURM starts this script again with the same job number: the file leads back to the work done so far.
exec "gem-cryosparc-$name" "$@" --resume-file "gem_cryosparc_$SLURM_JOB_ID.json"
