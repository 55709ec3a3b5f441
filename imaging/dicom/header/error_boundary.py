"""Where pydicom and the decoders end: their exceptions become ours, their chatter is silenced.

pydicom's warnings and log lines quote header values, so they must not reach a log.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from pydicom import config
from pydicom.hooks import hooks

from imaging.dicom.header.character_sets import read_value
from imaging.errors import AssistantError, InputError

config.settings.reading_validation_mode = config.IGNORE
hooks.register_callback("raw_element_value", read_value)
for _name in ("pydicom", "pylibjpeg", "openjpeg", "rle", "PIL"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
    logging.getLogger(_name).addHandler(logging.NullHandler())
_RUST_PANIC = "PanicException"  # of pyo3, by which pylibjpeg-rle is built; no Exception


@contextmanager
def border(error: type[InputError], message: str) -> Iterator[None]:
    """Turn whatever a library raises inside into `error(message)`; our own errors pass.

    Parameters
    ----------
    error : type[InputError]
        The class to raise.
    message : str
        One sentence for a clinician, without patient data.

    Raises
    ------
    InputError
        `error(message)`, the library's exception as its cause.

    Notes
    -----
    The warning filter is put in front again on every entry rather than saved and restored:
    `warnings.catch_warnings` is not safe when several threads read at once.
    """
    warnings.filterwarnings("ignore", module=r"(pydicom|pylibjpeg|openjpeg|rle|jpeg_ls|gdcm|PIL)\b")
    try:
        with np.errstate(all="ignore"):
            yield
    except AssistantError:
        raise
    except BaseException as exc:
        if isinstance(exc, Exception) or type(exc).__name__ == _RUST_PANIC:
            raise error(message) from exc
        raise
