"""The parts of the review page that explain: overlay, receipt, eraser, robustness, cases."""
