"""What is said when the maps do not fall into separate states."""


def one_cloud_message(n_states: int) -> str:
    """For one basin of the density, which was left whole or cut into states on request."""
    finding = "The maps form one cloud: nowhere between them are particles rare"
    if n_states == 1:
        return f"{finding}, so there is 1 state. -M 10 divides it anyway."
    return f"{finding}; the {n_states} states are cuts through it, not separate groups."
