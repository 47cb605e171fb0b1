"""GEM: conformational landscapes from cryo-EM particles with moving 3D Gaussians."""

__version__ = "0.1.0"
