"""`make test-agents`: the three real clients, a stub model, one session each, one event each.

    __main__ ─┬─ npm                    the clients, at their pinned versions, in a folder of ours
              ├─ isolation              a network with nothing in it but the loopback
              └─ session ─┬─ clients    how each client is installed, configured, started, ended
                          ├─ place      home, project and environment of one session
                          ├─ model      the stub model
                          └─ terminal   a screen that is typed on and read

docs/agents.md says what is tested, and what was seen.
"""
