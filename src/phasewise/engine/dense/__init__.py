"""The dense family (linear, one hidden layer, MLP): a readable module, and many of them stacked with a hand-written backward pass."""
