#!/bin/bash
# SLURM script for one step of a run on one or several machines, with one process a GPU (without GPUs: one a machine):
#   sbatch --nodes=4 several_nodes.sh train RUN_FOLDER --batch-size 4096
#   sbatch --nodes=4 several_nodes.sh landscape-full RUN_FOLDER
#   sbatch --nodes=4 several_nodes.sh reconstruct RUN_FOLDER
# RUN_FOLDER must lie where all machines see it under one name, with its earlier steps done. The batch of train is that of all
# processes together, a multiple of their number. After a time limit, a failed machine or preemption SLURM starts this script again, or
# the same command does; training resumes from its newest checkpoint.
#SBATCH --job-name=gem
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=16
#SBATCH --mem=128G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=gem_%j.out

set -euo pipefail
usage="usage: sbatch --nodes=N several_nodes.sh train|landscape-full|reconstruct RUN_FOLDER OPTIONS"
step=${1:?"$usage"}
run=${2:?"$usage"}
shift 2

processes=${SLURM_GPUS_ON_NODE:-1}
hosts=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
first=${hosts%%$'\n'*}
port=$((20000 + SLURM_JOB_ID % 20000))

if [ "$step" = train ] && [ -e "$run/train/checkpoint.pt" ]; then set -- "$@" --resume; fi
threads=$((SLURM_CPUS_PER_TASK / processes))
export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))
export NUMBA_NUM_THREADS=$OMP_NUM_THREADS
# One machine that fails ends the others at once.
exec srun --ntasks-per-node=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=1 \
    torchrun --nnodes="$SLURM_NNODES" --nproc-per-node="$processes" \
    --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first:$port" \
    -m gem_plugin "$step" "$run" "$@"
