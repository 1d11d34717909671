#!/bin/bash
# A sweep as a Slurm array: task I of N runs shard I/N and goes on where it was when it is requeued.
#
#   sbatch deploy/examples/slurm-sweep.sh sweep.toml results
#
# All shards share one directory, so the last one to finish writes the tables and the digest.
#SBATCH --job-name=braidcast-sweep
#SBATCH --array=0-7
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=01:00:00
#SBATCH --requeue
set -euo pipefail
exec braidcast sim sweep "$1" --out "$2" \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --jobs "$SLURM_CPUS_PER_TASK"
