"""The data set: what each particle is, where it points, and how to read its image."""

from gem_plugin.particles.table import ParticleTable

__all__ = ["ParticleTable"]
