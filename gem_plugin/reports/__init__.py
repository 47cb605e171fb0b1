"""Pages, figures and scripts made from saved results."""
