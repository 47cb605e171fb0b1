"""Particles of tilt series: one row a particle, and an index of the tilt images that each of them owns.

read_tilt_series reads them, TiltSeriesParticles and TiltImages are what it gives, write_subset writes chosen particles back.
"""

from gem_plugin.particles.tilt_series.read import TiltSeriesOptions, read_tilt_series
from gem_plugin.particles.tilt_series.subset import write_subset
from gem_plugin.particles.tilt_series.table import TiltImages, TiltSeriesParticles

__all__ = ["TiltImages", "TiltSeriesOptions", "TiltSeriesParticles", "read_tilt_series", "write_subset"]
