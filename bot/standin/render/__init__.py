"""Forgejo's JSON objects, made from the stand-in's state; field names and types as recorded on 15.0."""
