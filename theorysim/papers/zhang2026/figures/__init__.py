"""Figures made again."""
