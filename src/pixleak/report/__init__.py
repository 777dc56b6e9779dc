"""The report: reads a finished run folder and writes one HTML file; never needs torch."""
