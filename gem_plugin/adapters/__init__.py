"""What other programs see: RELION External jobs and CryoSPARC external jobs."""
