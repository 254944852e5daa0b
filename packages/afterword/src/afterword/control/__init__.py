"""What a person asks of an application's telemetry, in words for any framework.

switch    on, off, reset
report    what a person may see: why it is on or off, what waits, what became of the last upload
describe  every event and field that can be recorded
words     reports as text
"""
