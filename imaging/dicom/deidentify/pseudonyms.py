"""One secret per project; from it follow, always in the same way, names, identifiers and dates."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydicom.dataset import Dataset

from imaging.dicom.deidentify.spelling import key_of
from imaging.dicom.header.elements import text
from imaging.entities import Patient
from imaging.errors import SettingsError
from imaging.person import Number, number_in, person_of

_SIZE = 32  # bytes
_VERSION = "2:"  # before the digits of a key in whose project punctuation is nothing
# Behind the day of a DT (PS3.5 6.2): time of day, fraction, offset from UTC
_TIME = re.compile(r"([0-9]{2}){0,3}(\.[0-9]{1,6})?([+-][0-9]{4})?")
_FEWEST, _MOST = 30, 3650  # days that dates go back


@dataclass(frozen=True, slots=True)
class Project:
    """A project's secret. Whoever has it can tell whether a pseudonym is that of a known patient.

    Attributes
    ----------
    key : bytes
        32 random bytes.
    punctuation : bool
        True for a project whose key is of an earlier version: "A-77" and "A77" are two patients
        there, and stay so. Else they are one, as `imaging.person` compares them.
    """

    key: bytes = field(repr=False)
    punctuation: bool = False

    @classmethod
    def open(cls, path: Path) -> Project:
        """Read a project's key, or make a new one, readable by its owner alone.

        Raises
        ------
        SettingsError
            If the file is no key, or cannot be read or written.
        """
        try:
            if not path.exists():
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="ascii") as stream:
                    stream.write(f"{_VERSION}{secrets.token_hex(_SIZE)}\n")
            written = path.read_text(encoding="ascii").strip()
            key = bytes.fromhex(written.removeprefix(_VERSION))
        except (OSError, ValueError) as exc:
            raise SettingsError("The project's key cannot be read or written there.") from exc
        if len(key) != _SIZE:
            raise SettingsError("The project's key is damaged: 64 hexadecimal digits are expected.")
        return cls(key, punctuation=not written.startswith(_VERSION))

    def uid(self, original: str) -> str:
        """The UID that stands for another: below 2.25, from 128 bits (PS3.5 B.2)."""
        return f"2.25.{int.from_bytes(self._digest('uid', original)[:16], 'big')}"

    def patient(self, patient_id: str) -> str:
        """The name and identifier that stand for a patient."""
        return f"P{self._digest('patient', patient_id).hex()[:12].upper()}"

    def shift(self, patient_id: str) -> timedelta:
        """How far all of a patient's dates are moved: back, whole days."""
        number = int.from_bytes(self._digest("dates", patient_id)[:8], "big")
        return timedelta(days=-(_FEWEST + number % (_MOST - _FEWEST)))

    def label(self, original: str) -> str:
        """What stands for a label by which parts are told apart."""
        return f"L{self._digest('label', original).hex()[:8].upper()}"

    def _digest(self, kind: str, text: str) -> bytes:
        message = f"{kind}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.new(self.key, message, hashlib.sha256).digest()


def identity_key(patient: Patient, ds: Dataset, *, punctuation: bool = False) -> str:
    """What a patient's pseudonym and days follow from.

    Parameters
    ----------
    patient : Patient
        As the header has it.
    ds : Dataset
        The header.
    punctuation : bool
        Of the `Project`.

    Returns
    -------
    str
        The identifier, with its issuer where one is named; without one the name however it is
        spelt, with the birth date; without either the study, so that nobody is taken for somebody
        else. What `imaging.person` takes for a placeholder (UNKNOWN, 0) is neither.
    """
    numbers = person_of(replace(patient, other_ids=())).numbers
    if numbers:
        return _number_key(patient.patient_id if punctuation else numbers[0].value, numbers[0])
    groups = (group for group in patient.name.split("=") if person_of(Patient(name=group)).names)
    names = (key_of(" ".join(group.split("^")[:3])) for group in groups)
    name = next(filter(None, names), "")
    return f"{name}/{patient.birth_date}" if name else f"study/{text(ds, 'StudyInstanceUID')}"


def _number_key(written: str, number: Number) -> str:
    """A number in capitals, blanks and carets aside, behind its issuer where one is named.

    Written with its punctuation, where pseudonyms of an earlier version have to stay what they are.
    """
    folded = unicodedata.normalize("NFKC", number_in(written)).casefold().upper()
    value = "".join(folded.split())
    issuer = number.issuer_uid or number.issuer
    return f"{issuer}\0{value}" if issuer else value


def shift_date(value: str, by: timedelta) -> str:
    """Move a DA or DT value by whole days, its time of day kept; "" when it is no date."""
    digits = value.strip().replace(".", "", 2) if value[4:5] == "." else value.strip()
    try:
        day = datetime.strptime(digits[:8], "%Y%m%d").replace(tzinfo=UTC) + by
    except (ValueError, OverflowError):
        return ""
    rest = digits[8:] if _TIME.fullmatch(digits[8:]) else ""
    return f"{day.year:04}{day:%m%d}{rest}"
