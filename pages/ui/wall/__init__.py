"""What stands between the network and Streamlit: who may ask, under which name, and from where.

Nothing here knows a page, a study or how somebody signs in; `pages.ui.account` does that. All of
it is asked before Streamlit sees a request, and never by looking a name up.
"""
