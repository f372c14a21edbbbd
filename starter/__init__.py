"""`pacelayer init`: a first project over a database that is there already."""
