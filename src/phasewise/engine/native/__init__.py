"""Steps in C for those machines that have a compiler: sources, and how they are compiled."""
