"""What moves: Gaussians, rigid parts, atoms."""
