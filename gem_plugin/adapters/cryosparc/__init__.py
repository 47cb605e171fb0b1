"""External jobs of CryoSPARC through cryosparc-tools."""
