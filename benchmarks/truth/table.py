"""The table of results: a csv file with every number, and markdown with the ones that are compared."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from gem_plugin.io.whole_files import whole_file

Row = Mapping[str, object]
IDENTITY = ("set", "seed", "training_seed", "train", "commit")  # a new row of the same replaces the old one
SHOWN = {  # heading -> column -> its heading, decimals
    "Maps and time": {
        "per_conformation": ("FSC-AUC per conformation", 4),
        "per_conformation_least": ("least", 4),
        "per_image": ("per image", 4),
        "per_image_std": ("std", 4),
        "consensus": ("consensus", 4),
        "epochs": ("epochs", 0),
        "training_seconds": ("training (s)", 0),
        "processor_seconds": ("processor (s)", 0),
    },
    "Latents and states": {
        "neighbourhood_similarity": ("neighbourhood similarity", 3),
        "imbalance_latents_to_truth": ("imbalance: latents to truth", 3),
        "imbalance_truth_to_latents": ("truth to latents", 3),
        "imbalance_latents_to_pose": ("latents to pose", 3),
        "imbalance_latents_to_ctf": ("latents to CTF", 3),
        "kl_largest_dimension": ("largest KL of a dimension (nats)", 2),
        "kl_in_all": ("KL in all (nats)", 2),
        "ari_kmeans": ("ARI of k-means", 3),
        "ari_mixture": ("ARI of a mixture", 3),
        "true_states": ("true states", 0),
        "states_found": ("states found by auto", 0),
    },
    "Motion, poses and junk": {
        "motion_of_atoms": ("motion of the atoms (Å)", 1),
        "motion_error": ("error of the motion (Å)", 1),
        "false_motion": ("motion where atoms rest (Å)", 1),
        "false_amplitude_change": ("false amplitude change (%)", 0),
        "left_of_absent": ("left of absent parts (%)", 1),
        "angle_error_before": ("angle error before (degrees)", 2),
        "angle_error_after": ("after", 2),
        "shift_error_before": ("shift error before (Å)", 2),
        "shift_error_after": ("after", 2),
        "junk_roc_area": ("junk: ROC area", 3),
        "junk_roc_area_of_noise": ("of noise alone", 3),
        "junk_roc_area_of_wrong_poses": ("of wrong poses", 3),
    },
}


def add_rows(path: Path, rows: Sequence[Row]) -> list[dict[str, str]]:
    """Put rows into a csv file and write it with its markdown (.md beside it); rows of another commit or seed stay."""
    texts = [{name: _exact(value) for name, value in row.items()} for row in rows]
    new = {_identity(row) for row in texts}
    kept = [row for row in read_rows(path) if _identity(row) not in new]
    everything = [*kept, *texts]
    names = list(dict.fromkeys(name for row in everything for name in row))
    with whole_file(path) as temporary, open(temporary, "w", newline="") as handle:
        writer = csv.DictWriter(handle, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(everything)
    with whole_file(path.with_suffix(".md")) as temporary:
        temporary.write_text(markdown(everything), encoding="utf-8")
    return everything


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a csv file; none where there is no file."""
    if not path.is_file():
        return []
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle))


def markdown(rows: Sequence[Mapping[str, str]]) -> str:
    """Tables of one line a row; columns that no row has are left out. What failed and the machine stand below."""
    done = [row for row in rows if not row.get("failed")]
    lines = [
        "# Scores against known truth",
        "",
        "Filled by `bench_truth.py`; every number is in the csv file beside this one.",
    ]
    for heading, columns in SHOWN.items():
        shown = {name: how for name, how in columns.items() if any(row.get(name) for row in done)}
        if shown:
            lines += ["", f"## {heading}", *_table(done, shown)]
    failed = [f"- {row['set']}: {row['failed']}" for row in rows if row.get("failed")]
    lines += ["", "## Without a result", *failed] if failed else []
    machines = dict.fromkeys(row["machine"] for row in done if row.get("machine"))
    lines += ["", f"Machine: {'; '.join(machines)}."] if machines else []
    return "\n".join(lines) + "\n"


def _table(rows: Sequence[Mapping[str, str]], shown: Mapping[str, tuple[str, int]]) -> list[str]:
    headings = ["set", "seeds", "train", *(heading for heading, _ in shown.values()), "commit"]
    lines = [_line(headings), _line(["---"] * len(headings))]
    for row in rows:
        cells = [_rounded(row.get(name, ""), decimals) for name, (_, decimals) in shown.items()]
        seeds = f"{row['seed']}, {row['training_seed']}"
        lines.append(_line([row["set"], seeds, row["train"], *cells, row["commit"]]))
    return lines


def _identity(row: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(row.get(name, "") for name in IDENTITY)


def _exact(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _rounded(text: str, decimals: int) -> str:
    return f"{float(text):.{decimals}f}" if text else "–"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
