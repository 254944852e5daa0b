"""The background half: everything between the buffer and the service.

process  become a background process: detached, silent, bounded, ended by SIGTERM
run      one uploader at a time; take, batch, deliver, settle, again until empty
reading  a line of the buffer, checked once more: a record, or why it does not leave
batches  lines into batches the service takes
delivery one batch: attempts, waiting, halving
deadline calls that end in time, whatever they hang in
retry    how long to wait: within a run, and between runs
status   what became of the last upload, kept for `status`
"""
