"""Files of other programs: cryoDRGN, GaussianEM, pickles read as arrays only."""
