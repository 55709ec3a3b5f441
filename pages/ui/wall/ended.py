"""What is left of a message of a browser whose sign-in has ended: to draw the page, and no deed."""

from __future__ import annotations

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


def without_deeds(message: bytes) -> bytes:
    """The same page asked for, with nothing pressed, typed or looked after.

    Streamlit calls what belongs to a widget that changed before it runs the page, and a fragment
    without running the page, which alone asks who is signed in. Neither is left here, so the page
    is run, and shows the door.

    Parameters
    ----------
    message : bytes
        A ``BackMsg`` of the browser, of any kind.
    """
    asked, bare = BackMsg(), BackMsg()
    try:
        asked.ParseFromString(message)
    except DecodeError:
        return message  # Streamlit refuses it, too
    bare.rerun_script.query_string = asked.rerun_script.query_string
    bare.rerun_script.page_script_hash = asked.rerun_script.page_script_hash
    bare.rerun_script.page_name = asked.rerun_script.page_name
    bare.rerun_script.context_info.CopyFrom(asked.rerun_script.context_info)
    return bare.SerializeToString()


def session_in(message: bytes) -> str:
    """The id of the session that a message of Streamlit opens; empty for every other message."""
    said = ForwardMsg()
    try:
        said.ParseFromString(message)
    except DecodeError:
        return ""
    if said.WhichOneof("type") != "new_session":
        return ""
    return said.new_session.initialize.session_id
