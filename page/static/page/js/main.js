// The page's scripts start here.
