"""Numbers as a reader expects them: no digits that mean nothing."""

WHOLE_NUMBERS_BELOW = 1e15


def short_number(value: object) -> str:
    """A whole number in full, another with three digits, a text as it is."""
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    if number.is_integer() and abs(number) < WHOLE_NUMBERS_BELOW:
        return f"{number:,.0f}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def percent(fraction: float) -> str:
    """A fraction as percent with one digit after the point."""
    return f"{fraction:.1%}".replace("%", " %")


def whole_percent(fraction: float) -> str:
    """A fraction as percent without digits after the point."""
    return f"{100 * fraction:.0f} %"


def angstroms(value: float) -> str:
    """A length with one digit after the point."""
    return f"{value:,.1f}"


def with_error(value: float, error: float) -> str:
    """A measure and its standard error, both to the last digit that the error leaves: 18.4 ± 1.1, 35 ± 4."""
    digits = 0 if error >= 3 else 1 if error >= 0.05 or error <= 0 else 2
    return f"{value:,.{digits}f} ± {error:.{digits}f}"
