"""What a person may say, write, or call a file and a box, to make a page do something else."""

from __future__ import annotations

#: Each tries to call ``pwned``; whichever can, in whatever page, has won.
CORPUS = (
    "<script>pwned(1)</script>",
    "</script><script>pwned(2)</script>",
    "<img src=x onerror=pwned(3)>",
    '"><svg onload=pwned(4)>',
    "' autofocus onfocus=pwned(5) x='",
    "</textarea><img src=x onerror=pwned(6)>",
    "</title><script>pwned(7)</script>",
    "</template><script>pwned(8)</script>",
    "-->]]><script>pwned(9)</script>",
    "&lt;script&gt;pwned(10)&lt;/script&gt; &#60;img src=x onerror=pwned(11)&#62;",
    "javascript:pwned(12)//",
    "<a href=javascript:pwned(13) id=x>x</a><iframe srcdoc='<script>pwned(14)</script>'>",
    "{{ 7|add:7 }}{% load static %}${pwned(15)}`",
    "\u202e<gpj.exe>\u2066\u200f abc \u2069\u202c",
    "<math><mtext><table><mglyph><style><img src=x onerror=pwned(16)>",
    "<base href=//evil.example/><meta http-equiv=refresh content='0;url=javascript:pwned(17)'>",
    '{"__proto__": {"x": 1}} <!-- </noscript> <plaintext>',
)
ALL = " ".join(CORPUS)
#: As long as a note's own words may become, all of it hostile: 1 MB.
#: Ordinary words between: what holds nothing but names of boxes is taken for an echo of them.
ORDINARY = "hoje choveu muito e ficamos em casa vendo um filme antigo com pipoca doce e suco de uva"
HUGE = " ".join(
    f"{number} {ALL} {ORDINARY}" for number in range(1_000_000 // len(ALL.encode()) + 1)
)
#: A file may be called anything but these two.
FILE_NAME = ALL.replace("/", "∕").replace("\0", "")[:180] + ".ogg"
