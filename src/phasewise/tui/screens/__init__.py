"""Screens: start, main, and small modal ones for choices, confirmations and help."""
