"""A signed study as DICOM objects, PDF, FHIR and CSV; a module a form.

Rule of the room: each writer takes an `ExportCase` and a moment and returns `ExportedFile`s.
"""
