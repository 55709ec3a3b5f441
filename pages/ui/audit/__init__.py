"""The audit trail on pages: whose films were shown, and whether the trail is whole."""
