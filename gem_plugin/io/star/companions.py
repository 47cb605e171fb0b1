"""Further tables of a star file that have one row a particle, such as the bodies of a MultiBody job.

They hold no names of their own: row 7 of such a table belongs to row 7 of the particles, so both are cut alike.
"""

import numpy as np

from gem_plugin.errors import InputError
from gem_plugin.io.star.columns import read_columns
from gem_plugin.io.star.text import StarBlock, StarDocument

BODY_TABLE = "images_body_"  # data_images_body_1, ...: RELION's name
TABLES_OF_THE_FILE = ("optics", "general")  # one row a group, or one in all
NAMES_OF_ROWS = ("_rlnImageName", "_rlnMicrographName")


def tables_with_a_row_per_particle(document: StarDocument, particles: StarBlock) -> list[StarBlock]:
    """Tables beside that of the particles which have as many rows and, where they name images, name the same ones.

    Raises InputError for the table of a body that does not: RELION could not read the file either.
    """
    found = []
    for block in document.blocks:
        if block is particles or not block.is_loop or block.name in TABLES_OF_THE_FILE:
            continue
        if _is_row_for_row(document, block, particles):
            found.append(block)
        elif block.name.startswith(BODY_TABLE):
            raise InputError(
                f"{document.path}: expected in data_{block.name} the {particles.n_rows} rows of data_{particles.name}, "
                f"found {block.n_rows} rows or other images. Take the file from the MultiBody job that made it."
            )
    return found


def _is_row_for_row(document: StarDocument, block: StarBlock, particles: StarBlock) -> bool:
    if block.n_rows != particles.n_rows:
        return False
    labels = [label for label in NAMES_OF_ROWS if label in block.labels and label in particles.labels]
    of_block = read_columns(document, block, text_labels=labels)
    of_particles = read_columns(document, particles, text_labels=labels)
    return all(np.array_equal(of_block[label], of_particles[label]) for label in labels)
