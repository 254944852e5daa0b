"""The background half: everything between the buffer and the service.

process  become a background process: detached, silent, bounded, ended by SIGTERM
run      one uploader at a time; take, batch, deliver, settle, again until empty
job      what a run works with, passed in
notes    what a run learns from the last one, and leaves for the next
choice   which lines a run sends: those that are fit, of one anonymous id
reading  a line of the buffer, checked once more: a record, or why it does not leave
batches  lines into batches the service takes
delivery one batch: attempts, waiting, halving
sending  one request, as long as its answer is wanted
suspects what a service refuses, and when that is believed
ids      one anonymous id to a run
witness  how long something has waited, for certain
deadline calls with a time limit
retry    how long to wait: within a run, and between runs
jobs     what an upload works with, made from an application's telemetry
segments the taken buffer: read, settle, drop
cap      keep the buffer under its cap, from within a command
status   the result of the last upload, kept for `status`
sent     a copy of what was sent, for the person to read
"""
