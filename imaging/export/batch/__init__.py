"""Results of many files as tables (CSV, Parquet, XLSX) and as a summary (HTML, PDF).

Rule of the room: rows first, then their columns, then the forms; all forms say the same.
"""
