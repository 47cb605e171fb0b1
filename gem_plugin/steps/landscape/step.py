"""landscape: a sketch of the conformations, a mask, the components of the maps, and the states."""

from typing import Any

from gem_plugin.io.run.files import RunFiles
from gem_plugin.io.run.landscape_files import LandscapeFiles
from gem_plugin.io.run.outliers import outliers_in_words, particles_in_states
from gem_plugin.io.run.settings import read_summary
from gem_plugin.landscape.checks.junk_score import SUSPICIOUS
from gem_plugin.landscape.checks.latents import check_support
from gem_plugin.landscape.regions import check_regions, focus_mask
from gem_plugin.landscape.volume_source import VolumeSource
from gem_plugin.progress import Progress
from gem_plugin.results.decoder import CryodrgnEpoch, MapGrid, decoder_of
from gem_plugin.results.masks import original_grid
from gem_plugin.results.run import Run
from gem_plugin.results.stage_records import StageRecords
from gem_plugin.settings import check_settings
from gem_plugin.steps.landscape.components import fit_components, lay_out_umap
from gem_plugin.steps.landscape.continuum import write_continua
from gem_plugin.steps.landscape.cryodrgn_layout import (
    check_tree_is_ours,
    say_when_tree_is_of_before,
    write_cryodrgn_layout,
)
from gem_plugin.steps.landscape.job import LandscapeJob, is_of_run
from gem_plugin.steps.landscape.mask import find_mask, read_given_mask
from gem_plugin.steps.landscape.populations import write_populations
from gem_plugin.steps.landscape.positions import write_positions
from gem_plugin.steps.landscape.quick_checks import write_quick_checks
from gem_plugin.steps.landscape.region_masks import read_regions
from gem_plugin.steps.landscape.samples import samples_to_compare, write_sample_comparison
from gem_plugin.steps.landscape.settings import (
    LandscapeSettings,
    check_landscape_settings,
    check_number_of_states,
)
from gem_plugin.steps.landscape.sketch import save_sketch, scan_sketch, take_sketch
from gem_plugin.steps.landscape.sketch_maps import SketchVolumes
from gem_plugin.steps.landscape.states import describe_states, find_states, write_states
from gem_plugin.steps.landscape.subunits import write_subunits


def run_landscape(run: RunFiles, settings: LandscapeSettings, progress: Progress) -> dict[str, Any]:
    """Sketch the landscape of a finished training."""
    check_landscape_settings(settings)
    cryodrgn = None
    if settings.workdir is not None and settings.epoch is not None:
        cryodrgn = CryodrgnEpoch(settings.workdir, settings.epoch)
    grid = MapGrid(settings.downsample, settings.apix, settings.flip)
    source = decoder_of(run, cryodrgn, grid, settings.device)
    if cryodrgn is None:
        _warn_when_unsupported(run, progress)
    files = LandscapeFiles(settings.outdir) if settings.outdir is not None else run.landscape
    return map_landscape(source, files, run, settings, progress)


def _warn_when_unsupported(run: RunFiles, progress: Progress) -> None:
    """States of latents that explain nothing are cuts through noise: say so before they are made."""
    trained = read_summary(run).get("train", {})
    support = check_support(trained.get("support_in_nats"), trained.get("support_error"))
    if support.is_bad:
        progress.warn(f"{support.sentence} {support.advice}")


def map_landscape(
    source: VolumeSource,
    files: LandscapeFiles,
    run: RunFiles,
    settings: LandscapeSettings,
    progress: Progress,
) -> dict[str, Any]:
    """All stages, for any source of maps. A stage whose inputs are unchanged is not done again."""
    opened = Run(run)
    original = opened.original if opened.is_prepared else None
    if original is not None:
        original.check_is_there()  # its rows are written at the end
    job = LandscapeJob(source, files, StageRecords(files.root), run, settings, progress, original)
    check_settings(settings)
    if settings.cryodrgn_layout:
        check_tree_is_ours(run)
    samples = samples_to_compare(job)
    given_mask = read_given_mask(job)
    grid = source.box_size, source.pixel_size_in_angstroms
    regions = read_regions(settings.region, *grid, original_grid(run))
    n_in_states = int(particles_in_states(run, source.n_particles).sum())
    if sentence := outliers_in_words(run, source.n_particles):
        progress.say(sentence)
    if settings.sketch_ind is None:
        check_number_of_states(settings, min(settings.sketch_size, n_in_states))
    sketch = take_sketch(job)
    check_number_of_states(settings, len(sketch))
    save_sketch(job, sketch)
    with SketchVolumes(source, sketch.rows, files.root) as volumes:
        scan = scan_sketch(job, volumes, sketch)
        with progress.waiting("mask of the landscape"):
            mask = find_mask(job, scan, given_mask)
            check_regions(regions, scan.mean)
        if regions and settings.focus:
            mask = focus_mask(mask, regions)
        components = fit_components(job, volumes, sketch, mask)
        states = find_states(job, components, sketch)
        write_states(job, volumes, sketch, states)
        quality = describe_states(job, volumes, sketch, states, mask, regions)
    continua = write_continua(job, states.of_particles(sketch), states.is_one_cloud)
    write_populations(job, states.of_particles(sketch))
    compared = write_sample_comparison(job, samples, states.of_particles(sketch))
    subunits = write_subunits(run, files.subunits, states.of_particles(sketch), progress)
    positions = write_positions(job, states.of_particles(sketch), files.positions, job.figures)
    verdicts = write_quick_checks(job, states.linkage)
    layout = lay_out_umap(job)
    from gem_plugin.reports.sections.states_in_words import number_in_words
    from gem_plugin.steps.landscape.figures import draw_landscape  # matplotlib; not wanted for --help

    if is_of_run(job):
        progress.say(number_in_words(Run(run)))

    draw_landscape(job, sketch, scan, mask, components, states, layout)
    if settings.cryodrgn_layout:
        write_cryodrgn_layout(job, sketch, states.linkage)
    else:
        say_when_tree_is_of_before(run, progress)
    return {
        "sketch_maps": len(sketch),
        "masked_voxels": int((mask > 0).sum()),
        "components": components.pca.scores.shape[1],
        "variance_of_first_component": round(float(components.pca.explained_variance_ratio[0]), 4),
        "states": states.n_states,
        "linkage": states.linkage,
        "silhouette": round(states.silhouette, 4),
        "one_cloud": states.is_one_cloud,
        "continua": len(continua),
        "largest_state_share": round(states.largest_fraction, 4),
        "suspicious_states": int((quality.junk_score > SUSPICIOUS).sum()),
        **({} if compared is None else {"states_that_differ": len(compared.states_that_differ)}),
        **subunits,
        **positions,
        **verdicts,
    }
