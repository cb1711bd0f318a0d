"""The page: what a person sees. It is the first client of the API and has no rule of its own."""
