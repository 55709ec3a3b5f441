"""What of Streamlit's server is set from here, once, before it serves anybody.

Rule of the room: it knows Streamlit's server and no page.
"""
