"""One room at a time, quickly and without a network."""
