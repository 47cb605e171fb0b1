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


def angstroms(value: float) -> str:
    """A length with one digit after the point."""
    return f"{value:,.1f}"
