"""Decides: plain functions and values, standard library only, no network, no clock, no database."""
