"""The folded list of terms under a chapter of report.html: those that the chapter uses."""

from gem_plugin.reports.glossary import GLOSSARY_PAGE, terms_html

TERMS_OF_CHAPTER = {
    "overview": ("verdict", "support", "held-out particle", "nats", "state", "part", "motion", "resolution"),
    "warnings": (
        "latent", "collapsed to the prior", "support", "half-set", "held-out particle", "one cloud", "junk score",
    ),
    "inputs": ("consensus", "working box", "decoder", "half-set", "KL divergence", "linkage"),
    "training": ("held-out particle", "nats", "KL divergence", "collapsed to the prior"),
    "particles": ("column", "latent", "latent component", "volume component", "state", "full state", "contrast", "UMAP"),
    "outliers": ("outlier", "contrast", "refined pose"),
    "states": ("state", "verdict", "decoded map", "junk score", "silhouette", "stability", "linkage", "sketch map"),
    "samples": ("sample", "state", "free energy", "latent component"),
    "subunits": ("subunit", "view", "pattern", "cooperativity", "state"),
    "reconstruction": ("reconstructed map", "half-set", "FSC", "resolution", "local resolution"),
    "trajectories": ("trajectory", "latent component", "volume component"),
    "motion": ("Gaussian", "part", "motion", "amplitude change", "region", "occupancy"),
    "energy": ("free energy", "minimum-energy path", "map units", "volume component"),
    "landscape": ("landscape", "sketch", "sketch map", "volume component", "mask", "UMAP", "k-means map"),
    "provenance": ("run", "step", "job"),
}  # fmt: skip


def terms_of_chapter(chapter: str) -> str:
    """The terms of a chapter; empty text for a chapter that needs none."""
    terms = TERMS_OF_CHAPTER.get(chapter, ())
    return terms_html(terms, f"<p>All terms: {GLOSSARY_PAGE} of GEM.</p>") if terms else ""
