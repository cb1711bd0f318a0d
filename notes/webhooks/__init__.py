"""Tells an owner's own server that a note has ended: signed, repeated, never inwards."""
