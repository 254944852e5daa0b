-- How many events of each kind are there, with duplicates removed?
SELECT EventName AS name, uniqExact(LogAttributes['event_id']) AS events
FROM otel_logs
GROUP BY name
ORDER BY name
