-- Of those who began, how many are still there one, two and three weeks later? (An id lives for a month.)
SELECT week, uniqExact(installation) AS installations
FROM (
    SELECT
        LogAttributes['enduser.pseudo.id'] AS installation,
        parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') AS at,
        min(at) OVER (PARTITION BY installation) AS began,
        intDiv(dateDiff('second', began, at), 7 * 86400) AS week
    FROM otel_logs
    WHERE at > now() - INTERVAL 60 DAY
)
GROUP BY week
ORDER BY week
