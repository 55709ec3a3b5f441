"""The reader's language where Lightbox does not write the words itself: in the browser.

What page and screen reader are told, and Streamlit's own words.
"""
