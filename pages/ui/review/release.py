"""De-identified copies by number: for who works with films and must not know whose they are.

A study is known here by the number that its copy bears, which follows from the project's key. What
names a patient does not reach the page: the copies are made beside it, by the server.
"""

from __future__ import annotations

import streamlit as st

from imaging.delivery.released import StudyCopy, copy_study
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.entities import RESEARCH_USE
from imaging.review.rights import Right
from pages.ui import background, resources, session
from pages.ui.deeds import only
from pages.ui.download import render_download
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words
from pages.ui.review.deidentify import KEY_FILE
from pages.ui.review.study_export import archive

_SLOT = "release"
_PAGE = 100  # studies
_NAME = "lightbox-deidentified.zip"


@only(Right.RELEASE)
def render_studies() -> None:
    """Draw the studies by number, and the way to the copies of one."""
    st.subheader(_("De-identified copies"), anchor=False)
    st.caption(
        _(
            "Studies are listed by the number that their copies bear (Study Instance UID), "
            "without patient and date. An image with text in it is left out."
        )
    )
    with in_words():
        project = Project.open(resources.settings().home / KEY_FILE)
        rows = sorted(
            (project.uid(study.study_instance_uid), study)
            for study in resources.repository().worklist.nameless()
        )
        st.caption(ngettext("{count} study", "{count} studies", len(rows)).format(count=len(rows)))
        if not rows:
            return
        pages = -(-len(rows) // _PAGE)
        page = 1
        if pages > 1:
            page = int(st.number_input(_("Page"), 1, pages, key="release-page", width=140) or 1)
        shown = dict(rows[(page - 1) * _PAGE : page * _PAGE])
        st.dataframe(
            [
                {_("Number"): number, _("Modality"): one.modality, _("Images"): one.images}
                for number, one in shown.items()
            ],
            hide_index=True,
        )
        number = st.selectbox(_("Study"), list(shown), index=None, key="release-number")
        if number is not None:
            _render_copies(number, shown[number].study_instance_uid, project)


def _render_copies(number: str, study_instance_uid: str, project: Project) -> None:
    """Have the copies of a study made, and hand them over."""
    task = background.current(_SLOT, number)
    pressed = st.button(_("Create files"), key="release-prepare", disabled=task is not None)
    if pressed and task is None:
        repository, account = resources.repository(), session.account().name

        def work(report: background.OnProgress) -> StudyCopy:
            return copy_study(
                repository, study_instance_uid, project, account=account, on_progress=report
            )

        background.start(_SLOT, number, work)
    background.render_wait(_SLOT, _("Writing the copies ..."))
    task = background.current(_SLOT, number)
    copy: StudyCopy | None = task.result if task is not None else None
    if copy is None:
        return
    for reason in dict.fromkeys(copy.left_out):
        st.warning(plain(sentence(reason)))
    if copy.files:
        label = _("Save {name}").format(name=_NAME)
        content = archive(copy.files)
        render_download(label, _NAME, content, "application/zip", key="release-save")
    st.caption(_(RESEARCH_USE))
