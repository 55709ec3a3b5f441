"""The audit trail on its way to a collector: DICOM audit messages (PS3.15 A.5) over syslog and TLS.

Rule of the room: the trail is the spool. Nothing a reader does waits for the collector; a thread
sends what the collector lacks, line by line, and the store remembers how far it came.
"""
