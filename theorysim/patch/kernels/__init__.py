"""Compiled code of the patch network."""
