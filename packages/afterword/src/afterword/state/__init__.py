"""What is kept between commands, beside the buffer: consent, the anonymous id, small files, locks.

files     small flat JSON files, replaced as a whole
lockfile  the lock file: one holder at a time for a piece of work
identity  consent given or withdrawn, the anonymous id and its month
"""
