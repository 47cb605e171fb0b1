#!/bin/bash
# SLURM script for prepare as an array of tasks: each prepares one part of the images, and a last job joins them.
#   job=$(sbatch --parsable --array=1-16 prepare_parts.sh 16 RUN_FOLDER --particles P.star --map M.mrc --box 128)
#   sbatch --dependency=afterok:"$job" prepare_parts.sh 16 RUN_FOLDER --particles P.star --map M.mrc --box 128
# A part that was stopped is run again alone, with the same number of parts: sbatch --array=3 prepare_parts.sh 16 ...
# `gem-em run` with the same options continues from there.
#SBATCH --job-name=gem-prepare
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=gem_prepare_%A_%a.out

set -euo pipefail
usage="usage: sbatch --array=1-PARTS prepare_parts.sh PARTS RUN_FOLDER OPTIONS, then the same without --array"
parts=${1:?"$usage"}
run=${2:?"$usage"}
shift 2

export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK NUMBA_NUM_THREADS=$SLURM_CPUS_PER_TASK
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    exec gem-em prepare "$run" --part "$SLURM_ARRAY_TASK_ID/$parts" "$@"
fi
exec gem-em prepare "$run" "$@"
