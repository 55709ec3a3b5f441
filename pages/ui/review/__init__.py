"""The parts of the review page around the film: wall, statements, history, documents, export."""
