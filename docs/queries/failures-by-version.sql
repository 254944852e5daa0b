-- Did the last release make anything worse?
SELECT
    command,
    version,
    count() AS runs,
    countIf(outcome = 'failed') AS failed,
    round(100 * failed / runs, 1) AS percent_failed
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['command'] AS command,
        LogAttributes['version'] AS version,
        LogAttributes['outcome'] AS outcome
    FROM otel_logs
    WHERE EventName = 'command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY command, version
ORDER BY command, version
