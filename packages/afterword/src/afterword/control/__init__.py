"""The commands with which a person controls an application's telemetry, for any framework.

commands  `TOOL telemetry VERB`
switch    on, off, reset
report    why it is on or off, what waits, the result of the last upload
describe  every event and field that can be recorded, as data and as text
words     reports as text
question  the question whether usage data may be sent
page      a page for the application's users
"""
