"""The ways to project Gaussians, by the names that users give them; imports nothing heavy."""

PROJECTORS = ("auto", "reference", "triton", "xray")
