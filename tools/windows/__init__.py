"""`make test-windows`: the tests under Windows' own Python, which runs under Wine.

    __main__ ── machine ─┬─ download    Windows' Python and the wheels, by name and hash
                         └─ wine        a Windows of our own, and a program run in it

docs/platforms.md says what this shows, and what only a real Windows can show.
"""
