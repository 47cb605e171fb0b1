"""Settings of training, with the reason of each default; docs/method.md gives the formulas."""

from dataclasses import dataclass, fields
from pathlib import Path

from gem_plugin.errors import InputError
from gem_plugin.gaussians.projectors import PROJECTORS
from gem_plugin.settings import setting

PARTICLE_VISITS = 300_000  # without held-out particles: as many as 25 epochs of 12,000 particles
MINIMUM_EPOCHS, MAXIMUM_EPOCHS = 10, 100
DECODERS = ("motion", "mlp")
PRECISIONS = ("auto", "float32", "bfloat16")
LOSSES = ("squared", "absolute")
CACHES = ("auto", "memory", "disk")


@dataclass(frozen=True)
class TrainSettings:
    """What the model is and how it learns."""

    epochs: int | None = setting(
        None,
        "Passes over the particles, with one cycle of the learning rate. Default: until held-out particles no longer gain, "
        "about 250,000 to 1,500,000 particle visits in all, at least 5 epochs.",
        1,
        10_000,
    )
    batch_size: int = setting(64, "Particles per step; 64 learns fastest per particle.", 1, 65_536)
    learning_rate: float = setting(2e-3, "Peak rate of Adam.", 1e-7, 1.0)
    latent_size: int = setting(
        4, "Latent dimensions; the ones that are not needed collapse to the prior.", 1, 64, flag="--zdim"
    )
    decoder: str = setting(
        "motion",
        "motion: a basis of motions; mlp: GaussianEM's decoder, hundreds of times slower on a CPU.",
        choices=DECODERS,
    )
    n_basis: int = setting(32, "Basis motions of the motion decoder.", 1, 512)
    gaussian_embedding_dim: int = setting(
        32, "Features per Gaussian, its embedding; even for the motion decoder.", 2, 512
    )
    learned_features: bool = setting(
        True, "Learn the features of each Gaussian; else they are functions of its consensus values."
    )
    gaussian_kdim: int = setting(128, "mlp decoder: width of the Gaussian encoder.", 4, 4096)
    gaussian_klayers: int = setting(
        3, "mlp decoder: hidden layers of the Gaussian encoder after the first.", 0, 12
    )
    feature_kdim: int = setting(128, "mlp decoder: width of the trunk.", 4, 4096)
    feature_klayers: int = setting(2, "mlp decoder: hidden layers of the trunk after the first.", 0, 12)
    feature_dim: int = setting(256, "mlp decoder: features that the three heads share.", 4, 4096)
    rigid_parts: int = setting(
        0, "Parts, found from the features, that rotate as one before any free motion; 0: none.", 0, 64
    )
    focus_mask: Path | None = setting(
        None, "Mask (.mrc) of what may change; Gaussians outside keep their consensus state.", reads_file=True
    )
    width_change: bool = setting(False, "Let the latents change the widths of the Gaussians too.")
    train_widths: bool = setting(
        False, "Train one width per Gaussian; otherwise it stays as the consensus has it."
    )
    encoder_width: int = setting(512, "Units per layer of the image encoder.", 8, 8192, flag="--qdim")
    encoder_layers: int = setting(3, "Hidden layers of the image encoder.", 1, 12, flag="--qlayers")
    anchors: int = setting(
        512, "Anchors: points of the molecule at which the encoder reads each image.", 8, 8192
    )
    encoder_box: int = setting(32, "Box in pixels to which images are cropped for the encoder.", 8, 256)
    loss: str = setting(
        "squared", "squared: Gaussian noise; absolute: GaussianEM's, in real space.", choices=LOSSES
    )
    contrast: bool = setting(
        True,
        "Let every particle have its own contrast (thickness of the ice), so that latents need not follow it.",
    )
    refine_poses: bool = setting(
        True,
        "Refine the poses together with the latents, under a prior whose width is found from the particles; "
        "poses that are right stay as they are.",
    )
    outliers: bool = setting(
        True,
        "Find particles that are noise, or a molecule that is not where the pose says; they count less in the training.",
    )
    whiten: bool = setting(True, "Divide by the noise spectrum, so that each frequency counts by its noise.")
    kl_start: float = setting(
        0.02, "Weight of the KL divergence at the start, low so that latents become active.", 0.0, 100.0
    )
    kl_weight: float = setting(
        1.0,
        "Weight of the KL divergence at the end. 1 is the evidence bound: latents hold only what particles show beyond noise.",
        0.0,
        100.0,
    )
    occupancy_cost: float = setting(
        24.0,
        "Price, in nats of the whole set, of each Gaussian that changes its amplitude, so that density moves rather than fades; 0: none.",
        0.0,
        1e6,
    )
    stretch_cost: float = setting(
        8.0,
        "Price, in nats of the whole set, of each Gaussian that does not keep the distance to its neighbours, so that parts move as bodies; 0: none.",
        0.0,
        1e6,
    )
    distance_weight: float = setting(
        0.0, "Weight of the change of distances between neighbours, per square pixel.", 0.0, 1e9
    )
    direction_weight: float = setting(
        0.0, "Weight of neighbours moving in different directions (1 - cosine).", 0.0, 1e9
    )
    repulsion_weight: float = setting(
        0.0, "Weight of close neighbours off the mean spacing, per pixel.", 0.0, 1e9
    )
    smoothness_weight: float = setting(0.0, "Weight of neighbours with different features.", 0.0, 1e9)
    latent_neighbour_weight: float = setting(
        0.0, "Weight of pulling latents towards their nearest and away from the farthest.", 0.0, 1e9
    )
    validation_fraction: float = setting(
        0.05,
        "Fraction of the particles held out for validation: they never train and measure over-fitting.",
        0.0,
        0.5,
    )
    refine_latents: bool = setting(
        False, "After training, move each latent to fit its own image; kept where the loss falls."
    )
    halves: bool = setting(
        False,
        "Train on each half-set too, and report how well the two models agree (three trainings in all).",
    )
    cache: str = setting(
        "auto",
        "Images in memory or read from disk; auto: memory when they fit in half of it (three quarters of a GPU's, in half precision if "
        "need be).",
        choices=CACHES,
    )
    projector: str = setting(
        "auto",
        "Projection: auto takes the fastest for the device (triton on CUDA), reference the plain one, xray GaussianEM's.",
        choices=PROJECTORS,
    )
    precision: str = setting(
        "auto",
        "Precision of the image encoder in training; auto: bfloat16 on CUDA devices that have it, else float32. "
        "Positions, images and losses are always float32.",
        choices=PRECISIONS,
    )
    device: str = setting("auto", "auto, cpu, cuda or cuda:N.")
    threads: int | None = setting(None, "CPU threads. Default: all that this process may use.", 1, 1024)
    seed: int = setting(
        0, "Seed of every random number; on one machine's CPU a run repeats bit for bit.", 0, 2**31 - 1
    )
    resume: bool = setting(False, "Continue from the newest checkpoint of this run.")


OPTIONS_OF_ONE_DECODER = {
    "motion": ("n_basis",),
    "mlp": ("gaussian_kdim", "gaussian_klayers", "feature_kdim", "feature_klayers", "feature_dim"),
}


def check_contradictions(settings: TrainSettings) -> None:
    """Raise InputError for settings that are fine alone but not together."""
    defaults = {field.name: field.default for field in fields(settings)}
    for decoder, names in OPTIONS_OF_ONE_DECODER.items():
        changed = [name for name in names if getattr(settings, name) != defaults[name]]
        if decoder != settings.decoder and changed:
            flag = "--" + changed[0].replace("_", "-")
            raise InputError(
                f"{flag} has no effect with --decoder {settings.decoder}. Leave it out, or use --decoder {decoder}."
            )
    if settings.encoder_box % 2:
        raise InputError(f"--encoder-box is {settings.encoder_box}; expected an even number.")
    if settings.decoder == "motion" and settings.gaussian_embedding_dim % 2:
        raise InputError(
            f"--gaussian-embedding-dim is {settings.gaussian_embedding_dim}; the motion decoder needs an even number."
        )


def number_of_epochs(settings: TrainSettings, n_particles: int) -> int:
    """The epochs that were requested, or enough for PARTICLE_VISITS where held-out particles cannot say when to stop."""
    if settings.epochs is not None:
        return settings.epochs
    needed = -(-PARTICLE_VISITS // max(1, n_particles))
    return min(MAXIMUM_EPOCHS, max(MINIMUM_EPOCHS, needed))
