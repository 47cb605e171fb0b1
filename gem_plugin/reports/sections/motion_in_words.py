"""What moves, in sentences: how much of the molecule, how far, and how sure that is."""

from gem_plugin.landscape.motion.gaussians import GaussianMotion
from gem_plugin.landscape.motion.moving_parts import MINIMUM_MASS_CHANGE, MovingParts
from gem_plugin.reports.plain_numbers import angstroms, percent, with_error

FADING = 0.3  # amplitude change beyond which distances are lower bounds
COUNTS = {2: "Two", 3: "Three", 4: "Four"}


def motion_in_words(motion: GaussianMotion) -> str:
    """Plain text; parts by number where there are several."""
    parts = motion.moving_parts
    still = angstroms(float(parts.motion_in_angstroms[0]))
    order = [*range(len(parts.gaussians) - 1, 0, -1)]  # the most mobile one first
    if not order:
        return f"No part moves clearly more than the rest: the Gaussians move by {still} Å, root mean square over the particles."
    sentences = [_of_part(parts, row, is_only=len(order) == 1) for row in order]
    if len(order) > 1:
        sentences.insert(
            0, f"{COUNTS.get(len(order), str(len(order)))} parts change independently of each other."
        )
    faded = [row for row in order if _fades(parts, row)]
    if faded:
        sentences.append(_about_fading(parts, faded))
    if parts.gaussians[0]:
        sentences.append(f"The rest moves by {still} Å.")
    return " ".join(sentences)


def motion_in_one_sentence(motion: GaussianMotion, angle_in_degrees: float | None = None) -> str:
    """The same in one sentence. angle_in_degrees: of the most mobile part, standard deviation; None where it is not a rotation."""
    parts = motion.moving_parts
    still = angstroms(float(parts.motion_in_angstroms[0]))
    order = [*range(len(parts.gaussians) - 1, 0, -1)]
    if not order:
        return f"No part moves clearly more than the rest (the Gaussians move by {still} Å, root mean square over the particles)."
    texts = [_in_short(parts, row, angle_in_degrees if row == order[0] else None) for row in order]
    rest = f", while the rest moves by {still} Å" if parts.gaussians[0] else ""
    if len(order) == 1:
        return f"One part, {texts[0]}{rest}."
    count = COUNTS.get(len(order), str(len(order)))
    return f"{count} parts change independently of each other: one, {'; another, '.join(texts)}{rest}."


def _in_short(parts: MovingParts, row: int, angle_in_degrees: float | None) -> str:
    mass = with_error(
        100 * float(parts.fraction_of_mass[row]), 100 * float(parts.fraction_of_mass_error[row])
    )
    if is_partly_there(parts, row):
        return (
            f"{mass} % of the mass on average, is there in some particles and not in others rather than moving "
            f"(its mass changes by {percent(float(parts.mass_change[row]))} of the mean)"
        )
    distance = with_error(float(parts.motion_in_angstroms[row]), float(parts.motion_error_in_angstroms[row]))
    at_least = "at least " if _fades(parts, row) else ""
    angle = f" (a rotation of about {angle_in_degrees:.0f}°)" if angle_in_degrees is not None else ""
    return (
        f"{mass} % of the mass, moves by {at_least}{distance} Å{angle}, root mean square over the particles"
    )


def _of_part(parts: MovingParts, row: int, is_only: bool) -> str:
    name = "One part" if is_only else f"Part {row + 1}"
    mass = with_error(
        100 * float(parts.fraction_of_mass[row]), 100 * float(parts.fraction_of_mass_error[row])
    )
    distance = with_error(float(parts.motion_in_angstroms[row]), float(parts.motion_error_in_angstroms[row]))
    if is_partly_there(parts, row):
        return (
            f"{name}, {mass} % of the mass on average, is not there in every particle: its mass changes by "
            f"{percent(float(parts.mass_change[row]))} of its mean; what there is of it moves by {distance} Å."
        )
    at_least = "at least " if _fades(parts, row) else ""
    return (
        f"{name}, {mass} % of the mass, moves by {at_least}{distance} Å, root mean square over the particles."
    )


def _about_fading(parts: MovingParts, rows: list[int]) -> str:
    changes = " and ".join(percent(float(parts.amplitude_change[row])) for row in rows)
    totals = " and ".join(percent(float(parts.mass_change[row])) for row in rows)
    its = "its" if len(rows) == 1 else f"(parts {' and '.join(str(row + 1) for row in rows)}) their"
    return (
        f"The amplitudes of {its} Gaussians change by {changes}, {its.split()[-1]} whole mass by {totals}: density fades in one place "
        "and appears in another. A large motion, which the Gaussians follow only in part, looks like this; "
        f"the {'distance is a lower bound' if len(rows) == 1 else 'distances are lower bounds'}."
    )


def _fades(parts: MovingParts, row: int) -> bool:
    return bool(parts.amplitude_change[row] > FADING) and not is_partly_there(parts, row)


def is_partly_there(parts: MovingParts, row: int) -> bool:
    """Whether the mass of a part changes as a whole, so that it is not there in every particle."""
    return bool(parts.mass_change[row] > MINIMUM_MASS_CHANGE)
