#!/bin/bash
# SLURM script for RELION's Running tab ("Standard submission script"), for GEM External jobs on one GPU.
# RELION replaces XXXnameXXX. It puts the whole command in place of the line with XXXcommandXXX, and does not
# redirect the output of External jobs: the two lines with XXXoutfileXXX and XXXerrfileXXX do.
#SBATCH --job-name=gem
#SBATCH --partition=XXXqueueXXX
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=XXXthreadsXXX
#SBATCH --gres=gpu:1
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --open-mode=append
#SBATCH --output=XXXoutfileXXX
#SBATCH --error=XXXerrfileXXX

XXXcommandXXX
