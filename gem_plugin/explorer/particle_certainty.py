"""What is known of one particle and how surely: the uncertainty of its latents, its state, and whether it is an outlier."""

import threading

import numpy as np

from gem_plugin.landscape.latents.state_probabilities import StateProbabilities
from gem_plugin.results.run import Run

NOT_MEASURED = "not measured"


class ParticleCertainty:
    """Opened when the first particle is clicked."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lock = threading.Lock()
        self._is_open = False

    def _open(self) -> None:
        with self._lock:
            if self._is_open:
                return
            run = self.run
            self._standard_deviations = run.latents_std if run.files.latents_std.is_file() else None
            self._states = run.states().labels if run.has_states() else None
            self._outliers = run.outliers
            self._probabilities = None
            if self._standard_deviations is not None and self._states is not None:
                self._probabilities = StateProbabilities(run.latents, self._standard_deviations, self._states)
            self._is_open = True

    def of(self, row: int) -> str:
        """A sentence on a particle."""
        self._open()
        return f"{self._uncertainty(row)}; {self._state(row)}; {self._outlier(row)}"

    def _uncertainty(self, row: int) -> str:
        if self._standard_deviations is None:
            return f"uncertainty of its latents: {NOT_MEASURED}"
        typical = float(np.median(self._standard_deviations.mean(axis=1)))
        own = float(self._standard_deviations[row].mean())
        return f"uncertainty of its latents: {own:.2f} latent units (typical {typical:.2f})"

    def _state(self, row: int) -> str:
        if self._states is None or self._states[row] == 0:
            return "in no state"
        number = int(self._states[row])
        badge = self.run.checks.badge(number)
        if self._probabilities is None:
            return f"in state {number} ({badge}), probability {NOT_MEASURED}"
        own = self._probabilities.of(row).get(number, 0.0)
        return f"in state {number} ({badge}) with probability {own:.2f}"

    def _outlier(self, row: int) -> str:
        if self._outliers is None:
            return f"probability to be an outlier: {NOT_MEASURED}"
        return f"probability to be an outlier: {self._outliers[row]:.2f}"
