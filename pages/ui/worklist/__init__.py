"""The parts of the worklist page and of upload: filters, views, jobs, exports of batches."""
