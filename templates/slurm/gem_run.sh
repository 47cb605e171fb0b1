#!/bin/bash
# SLURM script for a whole run without RELION: sbatch gem_run.sh PARTICLES.star MAP.mrc RUN_FOLDER
# After a time limit, run the same command again to resume.
#SBATCH --job-name=gem
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --output=gem_%j.out

set -euo pipefail
particles=${1:?"usage: sbatch gem_run.sh PARTICLES.star MAP.mrc RUN_FOLDER"}
map=${2:?"usage: sbatch gem_run.sh PARTICLES.star MAP.mrc RUN_FOLDER"}
run=${3:?"usage: sbatch gem_run.sh PARTICLES.star MAP.mrc RUN_FOLDER"}

export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK NUMBA_NUM_THREADS=$SLURM_CPUS_PER_TASK
exec gem-em run --particles "$particles" --map "$map" --out "$run"
