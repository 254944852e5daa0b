-- Which versions are in use, and by how many installations?
SELECT LogAttributes['version'] AS version, uniqExact(LogAttributes['enduser.pseudo.id']) AS installations
FROM otel_logs
WHERE parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 7 DAY
GROUP BY version
ORDER BY installations DESC, version
