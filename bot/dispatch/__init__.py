"""Hosts that we start agents on: who gets which task, and watching over every run until it is cleared away."""
