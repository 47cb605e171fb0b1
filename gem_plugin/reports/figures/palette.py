"""The colours of states and of motion, for figures, pages and scripts alike; colour-blind readers can tell them apart."""

import numpy as np

OKABE_ITO = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000",
)  # fmt: skip  # M. Okabe and K. Ito, Color Universal Design, 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")  # a second sign when the colours repeat
STILL_TO_MOVING = ("#C9CED4", "#F0C05A", "#E0702A", "#A31D1D")  # grey, yellow, orange, dark red


def colour_of_group(number: int) -> str:  # number counts from 1
    """The colour of a state; they repeat after eight, the marker then differs."""
    return OKABE_ITO[(number - 1) % len(OKABE_ITO)]


def marker_of_group(number: int) -> str:
    """The marker of a state, in step with the rounds through the colours."""
    return MARKERS[(number - 1) // len(OKABE_ITO) % len(MARKERS)]


def colours_of_change(n_colours: int) -> list[str]:
    """From still to moving in so many steps, as panels.colour_map has it."""
    stops = np.array([[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in STILL_TO_MOVING])  # (4, 3)
    places = np.linspace(0, len(stops) - 1, n_colours)
    mixed = np.stack([np.interp(places, np.arange(len(stops)), stop) for stop in stops.T], axis=1)
    return ["#" + bytes(one).hex() for one in np.round(mixed).astype(np.uint8)]
