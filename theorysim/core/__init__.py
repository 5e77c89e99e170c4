"""What every system shares and none owns."""
