"""What is promised to others: the layers, the sources, the file, the numbers."""
