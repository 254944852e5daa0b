-- Which commands of atomic are used, with which agent, and how many fail?
SELECT command, agent, count() AS runs, countIf(success = 'false') AS failed
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['command'] AS command,
        LogAttributes['agent_type'] AS agent,
        LogAttributes['success'] AS success
    FROM otel_logs
    WHERE EventName = 'atomic_command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY command, agent
ORDER BY command, agent
