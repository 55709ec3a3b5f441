"""The one place where bytes of a header become text, wherever pydicom reads an element.

pydicom decodes as the file declares (PS3.3 C.12.1.1.2); `imaging.encodings` decides whether that
is what was meant. Names, descriptions and the texts within sequences all come through here:
`error_boundary` hands `read_value` to pydicom.
"""

from __future__ import annotations

from typing import Any

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.dataelem import RawDataElement
from pydicom.hooks import raw_element_value
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, TEXT_VR_DELIMS

from imaging.encodings import choose_text

_UTF_8 = ["utf8"]
_ESCAPE = b"\x1b"
_TO_CHINESE = b"\x1b$)A"  # to ISO 2022 IR 58, beside ASCII; pydicom 3.0.2 leaves it in the text


def read_value(
    raw: RawDataElement, data: dict[str, Any], *, encoding: Any = None, **options: Any
) -> None:
    """Convert an element as pydicom does, its text by `choose_text`.

    Parameters
    ----------
    raw : pydicom.dataelem.RawDataElement
        As it stands in the file.
    data : dict
        Holds the element's "VR"; its "value" is put there.
    encoding : str or list of str, optional
        Python's names of the declared character sets.

    Notes
    -----
    A callback of `pydicom.hooks` ("raw_element_value"): without effect on text that is ASCII, or
    is what its character set says.
    """
    if data["VR"] in CUSTOMIZABLE_CHARSET_VR and raw.value and not is_plain(raw.value):
        text = decode_text(raw.value, encoding)
        raw, encoding = raw._replace(value=text.encode()), _UTF_8
    raw_element_value(raw, data, encoding=encoding, **options)


def decode_text(raw: bytes, encoding: Any) -> str:
    """The text of some bytes.

    Parameters
    ----------
    raw : bytes
        Of an element of text.
    encoding : str, list of str or None
        Python's names of the character sets that the file declares.
    """
    return choose_text(raw, declared_text(raw, encoding))


def declared_text(raw: bytes, encoding: Any) -> str:
    """What the declared character sets make of some bytes, as for `decode_text`."""
    if _TO_CHINESE in raw:
        return raw.replace(_TO_CHINESE, b"").decode("gb2312", "replace")
    return decode_bytes(raw, _as_list(encoding), TEXT_VR_DELIMS)


def is_plain(raw: bytes) -> bool:
    """True for ASCII that switches to no other set."""
    return raw.isascii() and _ESCAPE not in raw


def _as_list(encoding: Any) -> list[str]:
    """The encodings as a list; pydicom gives none, one or several."""
    if not encoding:
        return convert_encodings(None)
    return [encoding] if isinstance(encoding, str) else list(encoding)
