#!/bin/bash
# SLURM script for training on several GPUs of one node: sbatch train_several_gpus.sh RUN_FOLDER
# The run must have its prepare and consensus steps (gem-em prepare, gem-em consensus); one process a GPU.
# After a time limit, run the same command again to resume from the newest checkpoint; after preemption SLURM does so itself.
# For several nodes, and for landscape-full and reconstruct: several_nodes.sh.
#SBATCH --job-name=gem-train
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=gem_%j.out

set -euo pipefail
run=${1:?"usage: sbatch train_several_gpus.sh RUN_FOLDER"}
processes=${SLURM_GPUS_ON_NODE:-4}

resume=()
if [ -e "$run/train/checkpoint.pt" ]; then resume=(--resume); fi
threads=$((SLURM_CPUS_PER_TASK / processes))
export OMP_NUM_THREADS=$((threads > 0 ? threads : 1))
export NUMBA_NUM_THREADS=$OMP_NUM_THREADS
exec torchrun --standalone --nproc-per-node="$processes" -m gem_plugin train "$run" ${resume[@]+"${resume[@]}"}
