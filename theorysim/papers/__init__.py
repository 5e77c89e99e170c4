"""Papers, one folder each: a plug-in like anyone's."""
