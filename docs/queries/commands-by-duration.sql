-- How long does each command take?
SELECT command, duration, count() AS runs
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['command'] AS command,
        LogAttributes['duration'] AS duration
    FROM otel_logs
    WHERE EventName = 'command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY command, duration
ORDER BY command, runs DESC
