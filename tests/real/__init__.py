"""The product as its users run it, on a real Forgejo: real processes, real deliveries, real pushes."""
