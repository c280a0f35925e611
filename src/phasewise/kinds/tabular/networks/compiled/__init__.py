"""The hand-written layers as functions of C (engine/native/networks.c): the same words as the torch ones beside them, equal up to rounding."""
