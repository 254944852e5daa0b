"""Where the binary starts; see `atomic.spec`."""

from atomic.__main__ import main

main()
