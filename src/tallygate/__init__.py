"""Usage billing for infrastructure platforms."""
