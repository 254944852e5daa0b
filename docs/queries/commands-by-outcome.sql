-- How often is each command used, and how does it end?
SELECT
    command,
    count() AS runs,
    countIf(outcome = 'ok') AS ok,
    countIf(outcome = 'failed') AS failed,
    countIf(outcome = 'usage_error') AS wrong_usage,
    countIf(outcome = 'interrupted') AS interrupted
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['command'] AS command,
        LogAttributes['outcome'] AS outcome
    FROM otel_logs
    WHERE EventName = 'command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY command
ORDER BY runs DESC, command
