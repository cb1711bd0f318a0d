"""The page in Debian's Chromium, driven by Playwright, against real processes."""
