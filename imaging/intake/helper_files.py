"""Helper files: what discs, viewers and computers put beside films and nobody means as one.

A name alone never makes a helper file: what its bytes say is asked first.
"""

from __future__ import annotations

from imaging.dicom import is_dicomdir
from imaging.dicom.file_kind import is_program, may_be_film
from imaging.text import clean

SENTENCE = "The file belongs to the disc or the computer it came from; it is not an image."

_FOLDERS = {
    "__macosx",
    ".trashes",
    ".spotlight-v100",
    ".fseventsd",
    ".temporaryitems",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}
_NAMES = {
    "dicomdir",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "icon",  # "Icon\r" of a Mac, whose last sign is cleaned away
    "volume.inf",
    "lockfile",
    "makefile",
}
_STEMS = {
    "autorun",
    "changelog",
    "checksum",
    "checksums",
    "copying",
    "copyright",
    "disclaimer",
    "eula",
    "help",
    "history",
    "index",
    "info",
    "install",
    "leame",
    "leeme",
    "leggimi",
    "leiame",
    "leia-me",
    "license",
    "licence",
    "liesmich",
    "lies_mich",
    "lisezmoi",
    "lisez-moi",
    "manifest",
    "manual",
    "notice",
    "read-me",
    "read_me",
    "read me",
    "readme",
    "readme1st",
    "release_notes",
    "releasenotes",
    "start",
    "version",
    "viewer",
}
_STEM_SUFFIXES = {"", "txt", "text", "md", "rtf", "pdf", "doc", "log", "1st"}
_SUFFIX_LIST = """
    app bat cab cat chm class cmd com command config conf cfg cpl css dll drv dylib
    exe hlp hta htm html icns ico inf ini jnlp js json jsx key lnk log manifest map md5 mjs mo mof
    msi msp mui nib ocx otf pak pdb plist po policy properties ps1 py pyc qm rc reg res scr sfv sh
    sha1 sha256 so strings sys ttf url vbs vbx ver woff woff2 xhtml xml xsd xsl xslt
    """
_SUFFIXES = set(_SUFFIX_LIST.split())


def is_helper_file(file_name: str, content: bytes) -> bool:
    """Whether a file is no film, and its name or its bytes say what it is there for.

    Parameters
    ----------
    file_name : str
        As it was handed in, with its folders.
    content : bytes
        The whole file. Whatever its name is, what may be a film or an archive of films by its
        bytes is none, a damaged one included; the directory of a disc (PS3.10 8.6) and a program
        always are.

    Returns
    -------
    bool
    """
    if is_dicomdir(content) or is_program(content):
        return True
    return not may_be_film(content) and _is_helper_name(file_name)


def _is_helper_name(file_name: str) -> bool:
    *folders, name = [clean(part) for part in file_name.replace("\\", "/").lower().split("/")]
    if not _FOLDERS.isdisjoint(folders) or name in _NAMES:
        return True
    stem, dot, suffix = name.rpartition(".")
    if name.startswith("."):  # hidden: ._IM1.dcm, .DS_Store, .localized
        return True
    stem, suffix = (stem, suffix) if dot else (name, "")
    return suffix in _SUFFIXES or (suffix in _STEM_SUFFIXES and stem in _STEMS)
