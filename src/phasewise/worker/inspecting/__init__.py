"""Looking at one model from many sides: slices, gallery, importance, learning curve, threshold (V04-V09, R16, D16)."""
