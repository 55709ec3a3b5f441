"""What is asked of any file: reports, presentation states, headers, copies without the patient."""

from __future__ import annotations

from imaging.decoding import messages
from imaging.decoding.image import Source, shared_pool
from imaging.dicom import Profile, Released
from imaging.dicom.deidentify.burned_in_text import Search
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.documents import Report


def read_report(source: Source) -> Report:
    """As `imaging.dicom.read_report`, in a decoder process.

    Raises
    ------
    NotDicomError
        If it cannot be read.
    DecodersBusyError
        If others were served until patience ended; so do all below.
    """
    return shared_pool().ask(messages.AskReport(source.sha256), Report, _files(source))


def films_of_state(source: Source) -> tuple[str, ...]:
    """SOP Instance UIDs of the films that a presentation state is for.

    Raises
    ------
    NotDicomError
        If it cannot be read.
    """
    question = messages.AskFilms(source.sha256)
    return shared_pool().ask(question, messages.Films, _files(source)).films


def may_have_text(source: Source) -> bool:
    """True where header or kind of picture say that text may be burned in.

    Raises
    ------
    InputError
        If the file cannot be read, or its picture not be decoded.
    """
    question = messages.AskBurnedIn(source.sha256)
    return shared_pool().ask(question, messages.Truth, _files(source)).value


def search_file(source: Source) -> Search:
    """As `imaging.dicom.deidentify.burned_in_text.search_file`, in a decoder process."""
    question = messages.AskSearch(source.sha256)
    return shared_pool().ask(question, Search, _files(source), lengthy=True)


def header_of(source: Source) -> bytes:
    """A DICOM file up to its pixels, which may be read here (`reader.MAX_HEADER_BYTES`).

    Raises
    ------
    InputError
        If it cannot be read, or is longer.
    """
    question = messages.AskHeader(source.sha256)
    return shared_pool().ask(question, messages.Header, _files(source)).content.tobytes()


def release(source: Source, project: Project, profile: Profile) -> Released:
    """As `imaging.dicom.release`, in a decoder process.

    Raises
    ------
    InputError
        As there.
    """
    question = messages.AskRelease(source.sha256, project.key, project.punctuation, profile)
    made = shared_pool().ask(question, messages.Copy, _files(source))
    return Released(
        made.content.tobytes(), made.changes, made.kept, made.sop_instance_uid, made.left_over
    )


def _files(source: Source) -> dict[str, messages.Read]:
    return {source.sha256: source.read}
