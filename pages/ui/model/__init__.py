"""The parts of the model page: summary, tables, charts, mistakes."""
