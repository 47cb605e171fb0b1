"""Jobs of the CCP-EM pipeliner (Doppio): found by it through the entry points of this package."""
