#!/bin/sh
# Write Schedules/gem of a RELION 3.1 project: train, landscape, select one state, refine its particles. Run it in the project folder:
#   sh make_schedule.sh PARTICLES.star MAP.mrc STATE DIAMETER [THREADS]
#   relion_scheduler --schedule gem --run
set -eu

if [ $# -lt 4 ]; then
    echo "Expected: make_schedule.sh PARTICLES.star MAP.mrc STATE DIAMETER [THREADS]; STATE is a number, DIAMETER that of the mask of Refine3D in Angstrom." >&2
    exit 2
fi
particles=$1 map=$2 state=$3 diameter=$4 threads=${5:-4}
case $state in *[!0-9]* | '') echo "STATE is '$state'; expected the number of a state, such as 1." >&2 && exit 2 ;; esac
case $diameter in *[!0-9.]* | '') echo "DIAMETER is '$diameter'; expected Angstrom, such as 180." >&2 && exit 2 ;; esac
for file in default_pipeline.star "$particles" "$map"; do
    [ -e "$file" ] || { echo "There is no $file in $(pwd). Run this in the folder of the RELION project." >&2 && exit 2; }
done
[ ! -e Schedules/gem ] || { echo "Schedules/gem is there already. Remove it, or run it: relion_scheduler --schedule gem --run" >&2 && exit 2; }

external_job() { # name, program, its particles, its map, label and value of one parameter
    program=$(command -v "$2") || { echo "$2 was not found. Activate GEM's environment first." >&2 && exit 2; }
    cat > "$1job.star" <<END
# version 30001

data_job

_rlnJobType                            99
_rlnJobIsContinue                       0

# version 30001

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
fn_exe $program
in_mov ""
in_mic ""
in_part $3
in_coords ""
in_3dref ${4:-\"\"}
in_mask ""
param1_label ${5:-\"\"}
param1_value ${6:-\"\"}
nr_threads $threads
do_queue No
other_args ""
END
}

refine_job() { # name, particles, reference
    cat > "$1job.star" <<END
# version 30001

data_job

_rlnJobType                            10
_rlnJobIsContinue                       0

# version 30001

data_joboptions_values

loop_
_rlnJobOptionVariable #1
_rlnJobOptionValue #2
fn_img $2
fn_ref $3
ref_correct_greyscale Yes
ini_high 30
particle_diameter $diameter
sampling "3.7 degrees"
auto_local_sampling "3.7 degrees"
offset_range 3
offset_step 1
do_preread_images Yes
use_gpu No
nr_mpi 3
nr_threads 1
do_queue No
other_args "--sigma_ang 3"
END
}

add() { # one job, read from its file
    relion_scheduler --schedule gem --add job --i "$1" --mode new
    rm "$1job.star"
}

schedule=Schedules/gem
number=$(printf %03d "$state")
external_job gem_train gem-external-train "$particles" "$map"
external_job gem_landscape gem-external-landscape $schedule/gem_train/particles.star
external_job gem_select gem-external-select $schedule/gem_landscape/particles_with_states.star "" states "$state"
refine_job gem_refine $schedule/gem_select/particles.star $schedule/gem_landscape/landscape/states/state_${number}_reference.mrc
for job in gem_train gem_landscape gem_select gem_refine; do
    add $job
done
relion_scheduler --schedule gem --add operator --type exit
relion_scheduler --schedule gem --add edge --i gem_train --o gem_landscape
relion_scheduler --schedule gem --add edge --i gem_landscape --o gem_select
relion_scheduler --schedule gem --add edge --i gem_select --o gem_refine
relion_scheduler --schedule gem --add edge --i gem_refine --o EXIT
echo "Wrote $schedule. Start it with: relion_scheduler --schedule gem --run"
