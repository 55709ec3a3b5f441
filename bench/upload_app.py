"""A page with an uploader alone, for `bench.upload`: `streamlit run bench/upload_app.py`.

``?way=ours`` shows the product's own, ``?way=streamlit`` the one that Streamlit brings, behind
which the files are queued as the product did before. Nobody judges what arrives.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from pages.ui import resources
from pages.ui.account import sign_in
from pages.ui.intake import uploader
from pages.ui.intake.route import intake_routes


def main() -> None:
    """Draw the uploader that was asked for."""
    sign_in.find_reader()
    if st.query_params.get("way") == "ours":
        uploader.render_uploader("bench")
        return
    turn = st.session_state.get("turn", 0)
    dropped = st.file_uploader("Films", accept_multiple_files=True, key=f"films-{turn}")
    if dropped:
        resources.repository().jobs.add([(file.name, file.getvalue()) for file in dropped])
        st.session_state["turn"] = turn + 1
        st.rerun()


if __name__ == "__main__":
    main()
else:
    app = st.App(
        __file__,
        routes=intake_routes(
            sign_in.admits,
            resources.repository,
            lambda: None,
            most_bytes=uploader.most_bytes(),
        ),
    )
