"""The data set beside the pixels: elements read tolerantly into entities, SOP classes, file meta.

Rule of the room: `error_boundary` turns whatever pydicom raises into our errors. Lowest room of
`imaging/dicom`, knows no other.
"""
