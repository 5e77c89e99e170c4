"""The second layer's oscillation alone."""
