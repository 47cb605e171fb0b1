"""Which sets of states a run can hold, by the names that users give them; imports nothing heavy."""

SKETCH, FULL, LEIDEN = "sketch", "full", "leiden"
STATE_SOURCES = (SKETCH, FULL, LEIDEN)
COLUMN_OF_SOURCE = {SKETCH: "state", FULL: "full_state", LEIDEN: "leiden"}
STEP_OF_SOURCE = {SKETCH: "landscape", FULL: "landscape-full", LEIDEN: "landscape-full"}
