"""The first page of report.html and logfile.pdf, and the figure for a paper: the molecule as surfaces, and three sentences."""
