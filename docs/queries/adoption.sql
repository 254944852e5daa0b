-- How does the use of each command develop from week to week?
SELECT toStartOfWeek(at) AS week, command, count() AS runs
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') AS at,
        LogAttributes['command'] AS command
    FROM otel_logs
    WHERE EventName = 'command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 60 DAY
)
GROUP BY week, command
ORDER BY week, command
