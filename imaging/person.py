"""Whether two headers speak of one person: the identity a file states, and how two compare.

A patient's number is no proof: it is unique within its issuer only (PS3.3 C.7.1.1, 10.14), many
devices write a placeholder, and one digit typed wrong is another patient. So an identity is all
that a header says of a person, in one form whatever the spelling, and there is one comparison with
three outcomes. It is symmetric, and looks at five traits, each of which may be silent.

*Number.* Equal when its letters and digits are (NFKC, case and punctuation aside; leading zeros
count) and both issuers are the same or both are silent; any number of one (other numbers of the
patient included) may meet any of the other. CLOSE: the issuer is named on one side only. PARTLY:
equal digits of two issuers, or of two types; these say nothing. DIFFERENT: two numbers of one
issuer, or of two silent ones. A placeholder (ANONYMOUS, UNKNOWN, TEST, 0, 00000, 999999) is silent,
in other languages, too.

*Name.* Alphabetic, ideographic and phonetic groups are told by their script and compared with
their like (two scripts say nothing about each other); case, carets, order, titles, accents and
half-width letters are spelling; umlauts may be written out. CLOSE: one name lacks parts that the
other has, or has initials for them. PARTLY: they share a name, as after a marriage, or as of
siblings. Words such as ANONYMOUS or UNKNOWN are no name.

*Birth date* and *sex*: as stated; a filler such as 19000101 is silent; sex O (other) beside M or F
is CLOSE: it proves nothing and contradicts nothing.

The rules:

1. Same number (EQUAL). SAME when nothing contradicts and the name or the birth date is equal.
   A number alone is CANNOT TELL. Another name and another birth date (a sibling's, too), or one of
   them while nothing but the number agrees, is ANOTHER. Any other contradiction, such as another
   family name or another sex, or a mistyped birth date under the same name, is CANNOT TELL.
2. Same number, issuer on one side only (CLOSE). As above, but SAME needs name and birth date.
3. Two numbers of one issuer (DIFFERENT). CANNOT TELL when name and birth date agree and the sex
   does not contradict: a patient may have been registered twice. Else ANOTHER.
4. Nothing to be had of the numbers (PARTLY, silent). Never SAME. A contradicting name or birth
   date is ANOTHER; so are a partly equal name, or another sex, unless the birth date is equal.
   Else CANNOT TELL.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product

from imaging.entities import Patient

_NOBODY = frozenset((
    "anon", "anonym", "anonymous", "anonymus", "anonymise", "anonymised", "anonymize",
    "anonymized", "deidentified", "unknown", "unkown", "unk", "unbekannt", "inconnu",
    "desconocido", "sconosciuto", "onbekend", "okand", "none", "null", "nil", "nan", "na", "nn",
    "no", "not", "noname", "nobody", "nomen", "nescio", "test", "tester", "testing", "dummy",
    "demo", "sample", "phantom", "phantoms", "qa", "qc", "patient", "pat", "pid", "id", "mrn",
    "name", "number", "nr", "noid", "nopid", "nopatient", "notset", "set", "undefined",
    "unspecified", "unassigned", "unnamed", "unregistered", "assigned", "available", "applicable",
    "default", "empty", "blank", "missing", "removed", "redacted", "hidden", "deleted", "de",
    "identified", "temp", "tmp", "tbd", "new", "x", "xx", "xxx", "male", "female", "man", "woman",
    "baby", "boy", "girl", "newborn",
))  # fmt: skip
_NOBODY_ELSEWHERE = (  # the same, as devices elsewhere write it; in the spelling of the language
    "masked withheld suppressed confidential unavailable unidentified pseudonym pseudonymised "
    "pseudonymized notknown notprovided notgiven emergency trauma "
    "anonymisiert anonymisierte unbekannte unbekannter namenlos ohnenamen ohnename keine "
    "pseudonymisiert notfall anonyme anonymisé anonymisée inconnue sansnom aucun patiente "
    "anónimo anónima anonimizado anonimizada desconocida paciente ninguno sinnombre "
    "sconosciuta anonimizzato paziente ignoto ignota senzanome "
    "anônimo anônima desconhecido desconhecida nenhum semnome semidentificação teste "
    "anoniem geanonimiseerd onbekende naamloos geen okänt anonymiserad namnlös ukendt ukjent "
    "anonymiseret anonymisert tuntematon nimetön anonyymi potilas "
    "nieznany nieznana anonimowy anonimowa pacjent brak neznámý neznámá neznámy anonymní anonymný "
    "pacient ismeretlen névtelen beteg teszt necunoscut necunoscută anonim nepoznat nepoznato "
    "bilinmeyen bilinmiyor isimsiz hasta tanpanama tidakdiketahui vôdanh "
    "аноним анонимно анонимный анонимная неизвестно неизвестный неизвестная пациент тест "
    "безымянный анонім невідомо невідомий невідома пацієнт "
    "άγνωστος άγνωστη άγνωστο ανώνυμος ανώνυμη ασθενής "
    "مجهول مجهولة غيرمعروف غيرمعروفة مريض אלמוני אנונימי לאידוע "
    "匿名 未知 不明 不详 不詳 無名 无名 無名氏 无名氏 佚名 氏名不詳 名無し 患者 病人 "
    "测试 測試 テスト "
    "익명 미상 성명미상 불명 무명 무명씨 환자 테스트 अज्ञात अनाम ไม่ทราบ ไม่ระบุ"
)
_SHORTEST_PHRASE = 6  # letters; "N^A" and "Ma^N" are told apart by their single letters
_TITLES = frozenset(["dr", "prof", "med", "mr", "mrs", "ms", "miss", "sir"])
_FILLER_DATES = frozenset((
    "00010101", "11111111", "17530101", "18000101", "18581117", "18991230", "18991231",
    "19000101", "99991231",
))  # fmt: skip
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i"}
)
_WRITTEN_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_ACCENTS = (  # marks that change no letter into another: not those of Indic scripts or kana
    *(range(0x0300, 0x0370), range(0x0591, 0x05C8)),
    *(range(0x064B, 0x0660), range(0x0670, 0x0671)),
)
_APOSTROPHES = "'\u2019\u02bc`\u00b4"
_KANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}  # katakana -> hiragana


class Outcome(StrEnum):
    """Whether two headers speak of one person."""

    SAME = "same"
    CANNOT_TELL = "cannot tell"
    ANOTHER = "another"


class Match(StrEnum):
    """How one trait of two identities compares; see the module for what each means of which."""

    EQUAL = "equal"
    CLOSE = "close"
    PARTLY = "partly"
    DIFFERENT = "different"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Number:
    """A patient's number in one form: letters and digits, who issued it, and its type."""

    value: str
    issuer: str = ""
    issuer_uid: str = ""
    id_type: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A group of a person's name (PS3.5 6.2.1): its script, its words in two spellings, suffixes.

    ``plain`` is without accents, ``written_out`` has "ue" for an umlaut; in the order written.
    """

    script: str
    plain: tuple[str, ...]
    written_out: tuple[str, ...]
    suffix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """All that a header says of who somebody is, in one form. Silent traits are empty.

    ``numbers`` leads with the patient's main one.
    """

    numbers: tuple[Number, ...] = ()
    names: tuple[Name, ...] = ()
    birth_date: str = ""
    sex: str = ""

    @property
    def silent(self) -> bool:
        """True when nothing is said that could tell one person from another."""
        return not (self.numbers or self.names or self.birth_date or self.sex)

    @property
    def number_keys(self) -> tuple[str, ...]:
        """The numbers' letters and digits: a sieve for a database, which decides nothing."""
        return tuple(number.value for number in self.numbers)

    @property
    def name_key(self) -> str:
        """The first group of the name, its words sorted: a sieve like the numbers."""
        return " ".join(sorted(self.names[0].plain)) if self.names else ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing two identities, trait by trait."""

    outcome: Outcome
    number: Match
    name: Match
    birth_date: Match
    sex: Match

    @property
    def contradicts(self) -> bool:
        """True when the headers cannot both be right about one person: a trait differs."""
        return (
            self.outcome is Outcome.ANOTHER
            or self.name in (Match.PARTLY, Match.DIFFERENT)
            or Match.DIFFERENT in (self.number, self.birth_date, self.sex)
        )

    @property
    def may_be_same(self) -> bool:
        """True when something speaks for one person: a number, a name, not mere silence."""
        if self.outcome is not Outcome.CANNOT_TELL:
            return self.outcome is Outcome.SAME
        born = self.birth_date is Match.EQUAL
        return (
            self.number in (Match.EQUAL, Match.CLOSE, Match.PARTLY)
            or self.name is Match.EQUAL
            or (self.name in (Match.CLOSE, Match.PARTLY) and born)
        )


def compare(one: Patient, other: Patient) -> Comparison:
    """Compare two patients; the rules stand in the module's docstring."""
    return compare_persons(person_of(one), person_of(other))


def compare_persons(one: Person, other: Person) -> Comparison:
    """As `compare`, of identities."""
    number = _match_numbers(one.numbers, other.numbers)
    name = _match_names(one.names, other.names)
    born = _match(one.birth_date, other.birth_date)
    sex = _match(one.sex, other.sex)
    if sex is Match.DIFFERENT and "O" in (one.sex, other.sex):
        sex = Match.CLOSE
    return Comparison(_outcome(number, name, born, sex), number, name, born, sex)


@lru_cache(maxsize=4096)
def person_of(patient: Patient) -> Person:
    """The identity in a patient module; placeholders are left out."""
    numbers = [_number(patient.patient_id, patient.issuer, patient.issuer_uid, patient.id_type)]
    numbers += [_number(o.patient_id, o.issuer, o.issuer_uid, o.id_type) for o in patient.other_ids]
    born = re.sub(r"[.\-\s]", "", patient.birth_date)
    sex = patient.sex.strip().upper()
    return Person(
        numbers=tuple(dict.fromkeys(number for number in numbers if number is not None)),
        names=_names(patient.name),
        birth_date=born if re.fullmatch(r"\d{8}", born) and born not in _FILLER_DATES else "",
        sex=sex if sex in ("M", "F", "O") else "",
    )


def format_name(name: str) -> str:
    """A PN in reading order: family name first, without its carets (PS3.5 6.2.1).

    The alphabetic group leads; an ideographic or phonetic one that differs follows in brackets.
    """
    groups = list(dict.fromkeys(filter(None, map(_format_group, name.split("=")))))
    return f"{groups[0]} ({groups[1]})" if len(groups) > 1 else "".join(groups)


def _format_group(group: str) -> str:
    """Put a component group of a person's name into reading order."""
    family, _sep, rest = group.partition("^")
    given = " ".join(part for part in rest.split("^") if part.strip())
    family, given = family.strip(), " ".join(given.split())
    return f"{family}, {given}" if family and given else family or given


def number_in(patient_id: str) -> str:
    """The number as it is written, without the carets and the issuer that HL7 puts beside it."""
    parts = _components(patient_id)
    return parts[0] if len(parts) > 3 else "".join(parts)


def _components(value: str) -> list[str]:
    return value.split("\\")[0].split("^")  # a backslash is no part of a number (PS3.5 6.2, LO)


def _outcome(number: Match, name: Match, born: Match, sex: Match) -> Outcome:
    if number in (Match.EQUAL, Match.CLOSE):
        return _outcome_of_one_number(number, name, born, sex)
    alike = name in (Match.EQUAL, Match.CLOSE)
    if number is Match.DIFFERENT:
        twice = alike and born is Match.EQUAL and sex is not Match.DIFFERENT
        return Outcome.CANNOT_TELL if twice else Outcome.ANOTHER
    if Match.DIFFERENT in (name, born):
        return Outcome.ANOTHER
    if name is Match.PARTLY or sex is Match.DIFFERENT:
        held_up = born is Match.EQUAL and (alike or name is Match.PARTLY)
        return Outcome.CANNOT_TELL if held_up else Outcome.ANOTHER
    return Outcome.CANNOT_TELL


def _outcome_of_one_number(number: Match, name: Match, born: Match, sex: Match) -> Outcome:
    """Rules 1 and 2."""
    alike = name in (Match.EQUAL, Match.CLOSE)
    if born is Match.DIFFERENT and not alike:
        return Outcome.ANOTHER
    if name is Match.DIFFERENT and born is not Match.EQUAL:
        return Outcome.ANOTHER
    if name in (Match.PARTLY, Match.DIFFERENT) or born is Match.DIFFERENT:
        return Outcome.CANNOT_TELL
    if sex in (Match.DIFFERENT, Match.CLOSE):
        return Outcome.CANNOT_TELL
    agreeing = [trait for trait in (name, born) if trait is Match.EQUAL]
    needed = 1 if number is Match.EQUAL else 2
    return Outcome.SAME if len(agreeing) >= needed else Outcome.CANNOT_TELL


def _match(one: str, other: str) -> Match:
    if not (one and other):
        return Match.SILENT
    return Match.EQUAL if one == other else Match.DIFFERENT


def _number(value: str, issuer: str, issuer_uid: str, id_type: str) -> Number | None:
    """A number in one form; None for a placeholder.

    Some archives write number and issuer into one element as HL7 does ("123^^^WARD&1.2.3&ISO").
    """
    parts = _components(value)
    if len(parts) > 3 and not (issuer or issuer_uid):
        issuer, *universal = parts[3].split("&")
        issuer_uid = " ".join(reversed(universal[:2]))
    compact = "".join(_words(number_in(value)))
    if _is_placeholder(compact):
        return None
    return Number(compact, "".join(_words(issuer)), _words_joined(issuer_uid), id_type)


def _words_joined(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _is_placeholder(compact: str) -> bool:
    """True for what devices and de-identifiers write where there is no number."""
    letters = re.sub(r"\d", "", compact)
    if not compact.strip("0") or (len(compact) > 2 and len(set(compact)) == 1):
        return True
    digits = compact.replace(letters, "", 1) if letters else compact
    return not digits.strip("0") and _is_made_of_nobody(letters)


@lru_cache(maxsize=1)
def _nobody() -> frozenset[str]:
    """Words that name nobody, in the spelling that `_words` gives."""
    return _NOBODY.union(_words(_NOBODY_ELSEWHERE))


@lru_cache(maxsize=4096)
def _is_made_of_nobody(letters: str) -> bool:
    """True for "patient", "nopatientid": words that name nobody, run together."""
    if letters in _nobody():
        return True
    return any(
        letters[:at] in _nobody() and _is_made_of_nobody(letters[at:])
        for at in range(2, len(letters) - 1)
    )


def _match_numbers(ours: tuple[Number, ...], theirs: tuple[Number, ...]) -> Match:
    if not (ours and theirs):
        return Match.SILENT
    matches = {_match_number(one, other) for one in ours for other in theirs}
    for best in (Match.EQUAL, Match.CLOSE, Match.PARTLY):
        if best in matches:
            return best
    return _match_number(ours[0], theirs[0])


def _match_number(one: Number, other: Number) -> Match:
    issuer = _match_issuers(one, other)
    types = {one.id_type or "TEXT", other.id_type or "TEXT"}
    comparable = issuer is Match.EQUAL and len(types) == 1
    if one.value != other.value:
        return Match.DIFFERENT if comparable else Match.SILENT
    if comparable:
        return Match.EQUAL
    return Match.CLOSE if issuer is Match.SILENT and len(types) == 1 else Match.PARTLY


def _match_issuers(one: Number, other: Number) -> Match:
    """EQUAL also when both are silent; SILENT when they cannot be compared.

    A universal ID says more than a local name (PS3.3 10.14).
    """
    universal = _match(one.issuer_uid, other.issuer_uid)
    if universal is not Match.SILENT:
        return universal
    local = _match(one.issuer, other.issuer)
    if local is not Match.SILENT:
        return local
    named = [number for number in (one, other) if number.issuer or number.issuer_uid]
    return Match.SILENT if named else Match.EQUAL


def _names(text: str) -> tuple[Name, ...]:
    """The groups of a name, each script once."""
    names: dict[str, Name] = {}
    for group in text.split("=")[:3]:
        parts = group.split("^")
        words = [word for word in _words(" ".join(parts[:3])) if word not in _TITLES]
        spoken = [part for part in map(_words, parts[:3]) if not _is_phrase_for_nobody(part)]
        named = [word for part in spoken for word in part if not _names_nobody(word)]
        if not set(named) - _TITLES or _is_phrase_for_nobody(words):
            continue
        written_out = _words(" ".join(parts[:3]), written_out=True)
        written_out = [word for word in written_out if word not in _TITLES]
        script = _script(named)
        name = Name(script, tuple(words), tuple(written_out), tuple(_words(" ".join(parts[4:5]))))
        names.setdefault(script, name)
    return tuple(names.values())


def _is_phrase_for_nobody(words: list[str]) -> bool:
    """True for "not provided", "sans nom", "N/A": words that name nobody together."""
    phrase = "".join(words)
    letters_alone = all(len(word) == 1 for word in words)
    return (letters_alone or len(phrase) >= _SHORTEST_PHRASE) and phrase in _nobody()


def _names_nobody(word: str) -> bool:
    """True for ANONYMOUS, ANON12, PATIENT, 0007: no part of anybody's name."""
    letters = re.sub(r"\d", "", word)
    return letters in _nobody() or not letters or (len(letters) > 2 and set(letters) == {"x"})


def _script(words: list[str]) -> str:
    """The script of a name: "han" wherever there is one ideograph, else that of its first letter.

    Both kinds of kana are one, for NFKC and spelling leave them to the device.
    """
    scripts = [unicodedata.name(word[0], "OTHER").split()[0] for word in words]
    if any(unicodedata.name(c, "").startswith("CJK") for word in words for c in word):
        return "han"
    return {"HIRAGANA": "kana", "KATAKANA": "kana"}.get(scripts[0], scripts[0].lower())


def _words(text: str, *, written_out: bool = False) -> list[str]:
    """Words in one spelling: letters, digits and the marks that make letters."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    if written_out:
        folded = folded.translate(_WRITTEN_OUT)
    plain = unicodedata.normalize("NFD", folded.translate(_LETTERS))
    kept = "".join(c for c in plain if not any(ord(c) in marks for marks in _ACCENTS))
    kept = unicodedata.normalize("NFC", kept).translate(_KANA)
    return "".join(_as_part_of_word(c) for c in kept).split()


def _as_part_of_word(character: str) -> str:
    if character in _APOSTROPHES:
        return ""
    return character if unicodedata.category(character)[0] in "LNM" else " "


def _match_names(ours: tuple[Name, ...], theirs: tuple[Name, ...]) -> Match:
    """The worst of the groups in scripts that both have: one reading may be written in two ways."""
    by_script = {name.script: name for name in theirs}
    matches = {
        _match_name(name, by_script[name.script]) for name in ours if name.script in by_script
    }
    for worst in (Match.DIFFERENT, Match.PARTLY, Match.CLOSE, Match.EQUAL):
        if worst in matches:
            return worst
    return Match.SILENT


def _match_name(one: Name, other: Name) -> Match:
    spellings = list(product((one.plain, one.written_out), (other.plain, other.written_out)))
    suffixes = _match(" ".join(one.suffix), " ".join(other.suffix))
    if any(_is_equal(a, b) for a, b in spellings):
        return Match.PARTLY if suffixes is Match.DIFFERENT else Match.EQUAL
    if any(_is_part(a, b) or _is_part(b, a) for a, b in spellings):
        return Match.PARTLY if suffixes is Match.DIFFERENT else Match.CLOSE
    shared = any(len(word) > 1 and word in b for a, b in spellings for word in a)
    return Match.PARTLY if shared else Match.DIFFERENT


def _is_equal(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """The same words in any order, or the same letters without the spaces."""
    return sorted(one) == sorted(other) or "".join(one) == "".join(other)


def _is_part(short: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    """True when each word of one is a word, or the initial of a word, of the other.

    At least one is a whole word.
    """
    left, rest = Counter(short), Counter(whole)
    shared = left & rest
    if not any(len(word) > 1 for word in shared):
        return False
    remaining = sorted((rest - shared).elements())
    for word in sorted((left - shared).elements()):
        found = next((w for w in remaining if len(word) == 1 and w.startswith(word)), None)
        if found is None:
            return False
        remaining.remove(found)
    return True
