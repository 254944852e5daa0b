-- How many runs of each command are made by coding agents, and how many by people?
SELECT
    command,
    countIf(agent IN ('', 'none')) AS by_people,
    countIf(agent NOT IN ('', 'none')) AS by_agents
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['command'] AS command,
        LogAttributes['agent'] AS agent
    FROM otel_logs
    WHERE EventName = 'command'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY command
ORDER BY command
