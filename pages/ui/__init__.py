"""The parts that pages share. Streamlit does not take the files of a subfolder for pages."""
