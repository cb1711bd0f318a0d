"""One file per page. Each parses a form, calls the operation of the API, and picks a template."""
