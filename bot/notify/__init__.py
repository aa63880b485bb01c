"""Ways to tell people outside of the forge, one file each; every call is one try."""
