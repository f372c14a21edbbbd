"""Files of a generation: the rows of a metric in some format, and the snapshot itself."""
