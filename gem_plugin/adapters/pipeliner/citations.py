"""The papers to cite, as the pipeliner lists them; CITATION.cff holds the same."""

from pipeliner.pipeliner_job import Ref


def references() -> list[Ref]:
    """GaussianEM and the two cryoDRGN papers.

    The pipeliner prints no authors where there are exactly five, so those of Kinman et al. are given as one text.
    """
    return [
        Ref(
            authors=["He B", "Cheng Y", "Li H", "Gao X", "Gao X", "Zhang F", "Han R"],
            title="GaussianEM: Model compositional and conformational heterogeneity using 3D Gaussians",
            journal="arXiv",
            year="2025",
            pages="2512.21599",
            doi="https://doi.org/10.48550/arXiv.2512.21599",
        ),
        Ref(
            authors=["Kinman LF, Powell BM, Zhong ED, Berger B, Davis JH"],
            title="Uncovering structural ensembles from single-particle cryo-EM data using cryoDRGN",
            journal="Nature Protocols",
            year="2023",
            volume="18",
            pages="319-339",
            doi="https://doi.org/10.1038/s41596-022-00763-x",
        ),
        Ref(
            authors=["Zhong ED", "Bepler T", "Berger B", "Davis JH"],
            title="CryoDRGN: reconstruction of heterogeneous cryo-EM structures using neural networks",
            journal="Nature Methods",
            year="2021",
            volume="18",
            issue="2",
            pages="176-185",
            doi="https://doi.org/10.1038/s41592-020-01049-4",
        ),
    ]
