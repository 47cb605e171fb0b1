"""What counts as bright in a map: percentiles of its voxels, each in one place."""

BRIGHT_PERCENTILE = (
    99.99  # of masks: a part that few maps show is small, so only one outlier in ten thousand is set aside
)
DISPLAY_PERCENTILE = (
    99.9  # of contour levels and grey scales: the brightest thousandth would darken all the rest
)
