"""The shape of a model, and how to build one: from a consensus cloud, or empty to receive saved weights."""

from dataclasses import dataclass, fields

import torch

from gem_plugin.errors import InputError
from gem_plugin.gaussians.cloud import GaussianCloud, LengthUnit
from gem_plugin.gaussians.from_map import weighted_centres
from gem_plugin.heterogeneity.decoders.base import Decoder
from gem_plugin.heterogeneity.decoders.mlp import MlpDecoder
from gem_plugin.heterogeneity.decoders.motion_basis import MotionBasisDecoder
from gem_plugin.heterogeneity.decoders.per_gaussian_network import NetworkSizes
from gem_plugin.heterogeneity.decoders.rigid_parts import RigidPartsDecoder
from gem_plugin.heterogeneity.encoder.anchor_scores import N_VIEW_FEATURES, Anchors
from gem_plugin.heterogeneity.encoder.network import ImageEncoder
from gem_plugin.heterogeneity.model import HeterogeneityModel
from gem_plugin.heterogeneity.settings import DECODERS, TrainSettings, check_contradictions


@dataclass(frozen=True)
class ModelArchitecture:
    """All that fixes the shapes of a model's weights; saved beside them."""

    n_gaussians: int
    box_size: int
    pixel_size_in_angstroms: float
    latent_size: int
    decoder: str
    n_basis: int
    gaussian_embedding_dim: int
    learned_features: bool
    width_change: bool
    train_widths: bool
    encoder_width: int
    encoder_layers: int
    n_anchors: int
    encoder_box: int
    rigid_parts: int = 0
    gaussian_kdim: int = NetworkSizes.gaussian_kdim
    gaussian_klayers: int = NetworkSizes.gaussian_klayers
    feature_kdim: int = NetworkSizes.feature_kdim
    feature_klayers: int = NetworkSizes.feature_klayers
    feature_dim: int = NetworkSizes.feature_dim
    n_view_features: int = N_VIEW_FEATURES  # of the encoder's inputs


SAME_IN_SETTINGS = tuple(
    field.name for field in fields(ModelArchitecture) if field.name in {f.name for f in fields(TrainSettings)}
)


def architecture_for(
    settings: TrainSettings,
    n_gaussians: int,
    box_size: int,
    pixel_size_in_angstroms: float,
    n_view_features: int = N_VIEW_FEATURES,  # of encoder.anchor_scores.features_of_view
) -> ModelArchitecture:
    """The architecture that settings ask for, within what the data allow."""
    if box_size % 2:
        raise InputError(
            f"The prepared images have a box of {box_size} pixels; training needs an even one. "
            "Run `gem-em prepare` again with an even --box."
        )
    check_contradictions(settings)
    same = {name: getattr(settings, name) for name in SAME_IN_SETTINGS}
    same["encoder_box"] = min(settings.encoder_box, box_size)
    return ModelArchitecture(
        n_gaussians=n_gaussians,
        box_size=box_size,
        pixel_size_in_angstroms=pixel_size_in_angstroms,
        n_anchors=min(settings.anchors, n_gaussians),
        n_view_features=n_view_features,
        **same,
    )


def build_model(
    architecture: ModelArchitecture,
    consensus: GaussianCloud
    | None,  # one cloud; None: an empty cloud, for weights that are loaded afterwards
    generator: torch.Generator,
    is_mobile: torch.Tensor | None = None,  # (n,) bool
) -> HeterogeneityModel:
    """A new model; all random numbers come from the generator."""
    cloud = _empty_cloud(architecture.n_gaussians)
    if consensus is not None:
        cloud = consensus.in_pixels(architecture.pixel_size_in_angstroms)
    with torch.random.fork_rng(devices=[]):  # the layers' own initialisation draws from the global generator
        torch.manual_seed(int(torch.randint(2**31 - 1, (1,), generator=generator)))
        decoder = _build_decoder(architecture, cloud, generator)
        n_inputs = architecture.n_anchors + architecture.n_view_features
        encoder = ImageEncoder(
            n_inputs, architecture.latent_size, architecture.encoder_width, architecture.encoder_layers
        )
    anchors = (
        _choose_anchors(architecture, cloud)
        if consensus is not None
        else Anchors(
            torch.zeros(architecture.n_anchors, 3),
            torch.zeros(architecture.n_anchors),
            architecture.box_size,
            architecture.encoder_box,
        )
    )
    return HeterogeneityModel(
        cloud,
        decoder,
        encoder,
        anchors,
        architecture.box_size,
        architecture.pixel_size_in_angstroms,
        is_mobile,
        architecture.train_widths,
    )


def _build_decoder(
    architecture: ModelArchitecture, cloud: GaussianCloud, generator: torch.Generator
) -> Decoder:
    free_change = _build_free_decoder(architecture, cloud, generator)
    if not architecture.rigid_parts:
        return free_change
    return RigidPartsDecoder(free_change, cloud.positions, architecture.rigid_parts)


def _build_free_decoder(
    architecture: ModelArchitecture, cloud: GaussianCloud, generator: torch.Generator
) -> Decoder:
    if architecture.decoder == "motion":
        return MotionBasisDecoder(
            cloud.positions,
            architecture.latent_size,
            architecture.n_basis,
            architecture.gaussian_embedding_dim,
            architecture.width_change,
            generator,
            architecture.learned_features,
        )
    if architecture.decoder == "mlp":
        names = [field.name for field in fields(NetworkSizes)]
        sizes = NetworkSizes(**{name: getattr(architecture, name) for name in names})
        return MlpDecoder(
            cloud, architecture.latent_size, sizes, architecture.width_change, architecture.learned_features
        )
    raise InputError(f"--decoder is {architecture.decoder!r}; expected one of {', '.join(DECODERS)}.")


def _choose_anchors(architecture: ModelArchitecture, cloud: GaussianCloud) -> Anchors:
    """k-means of the Gaussians; each anchor has the mass of its cell."""
    from scipy.spatial import cKDTree

    points, masses = cloud.positions.double().numpy(), cloud.amplitudes.double().numpy()
    centres = (
        points
        if len(points) == architecture.n_anchors
        else weighted_centres(points, masses, architecture.n_anchors, seed=0)
    )
    cells = torch.from_numpy(cKDTree(centres).query(points)[1])
    amplitudes = torch.zeros(len(centres)).index_add_(0, cells, cloud.amplitudes)
    positions = torch.tensor(centres, dtype=torch.float32)
    return Anchors(positions, amplitudes, architecture.box_size, architecture.encoder_box)


def _empty_cloud(n_gaussians: int) -> GaussianCloud:
    generator = torch.Generator().manual_seed(0)
    positions, ones = torch.randn(n_gaussians, 3, generator=generator), torch.ones(n_gaussians)
    return GaussianCloud(positions, ones, ones, LengthUnit.PIXEL)
