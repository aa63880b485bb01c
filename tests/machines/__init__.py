"""Several machines on one PostgreSQL: whole services, each on a loopback address of its own, that are killed."""
