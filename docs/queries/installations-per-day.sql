-- How many installations use the tool on each day?
SELECT toStartOfDay(parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC')) AS day, uniqExact(LogAttributes['enduser.pseudo.id']) AS installations
FROM otel_logs
WHERE parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
GROUP BY day
ORDER BY day
