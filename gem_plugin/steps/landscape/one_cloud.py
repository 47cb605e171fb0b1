"""What is said when the maps do not fall into separate states."""


def one_cloud_message(n_states: int, is_automatic: bool) -> str:
    """What to say when the maps do not fall into groups."""
    finding = "The maps form one cloud: "
    if is_automatic:
        return (
            finding
            + "no number of states is better than for a cloud without groups, so there is 1 state. -M 10 divides it anyway."
        )
    return finding + f"the {n_states} states are cuts through it, not separate groups."
