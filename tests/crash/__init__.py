"""Whatever happens to a refresh, its disk or its files: the old generation or the new one, never neither."""
