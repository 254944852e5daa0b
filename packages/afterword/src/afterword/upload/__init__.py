"""The background half: everything between the buffer and the service.

process  become a background process: detached, silent, bounded, ended by SIGTERM
run      one uploader at a time; take, batch, deliver, settle, again until empty
job      what a run works with
notes    what a run was told by the last one, and leaves for the next
choice   which lines a run sends: those that are fit, of one anonymous id
reading  a line of the buffer, checked once more: a record, or why it does not leave
batches  lines into batches the service takes
delivery one batch: attempts, waiting, halving
sending  one request, while somebody wants its answer
suspects what a service refuses, and when it is believed
ids      one anonymous id to a run
witness  how long something has waited, for certain
deadline calls that end in time, whatever they hang in
retry    how long to wait: within a run, and between runs
jobs     what an upload works with, made from an application's telemetry
segments the taken buffer: read, settle, give up
cap      keep the buffer under its cap, from within a command
status   what became of the last upload, kept for `status`
"""
