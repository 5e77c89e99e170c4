"""What papers claim, one module per paper. Nothing here runs a simulation."""
