-- How many installations use the tool in each week? (A person whose id changes within the week counts twice.)
SELECT toStartOfWeek(parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC')) AS week, uniqExact(LogAttributes['enduser.pseudo.id']) AS installations
FROM otel_logs
WHERE parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 60 DAY
GROUP BY week
ORDER BY week
