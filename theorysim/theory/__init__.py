"""What a claim is, and where papers are found; knows no paper, and runs no simulation."""
