"""Django's PostgreSQL backend, with a cheaper look at the pool's connections."""
