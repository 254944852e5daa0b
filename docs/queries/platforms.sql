-- Which systems do installations run on?
SELECT LogAttributes['platform'] AS platform, uniqExact(LogAttributes['enduser.pseudo.id']) AS installations
FROM otel_logs
WHERE parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
GROUP BY platform
ORDER BY installations DESC, platform
