"""The molecule as a cloud of 3D Gaussians: cloud.py, projection.py to images, volume.py to maps."""
