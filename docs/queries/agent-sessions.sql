-- How many sessions of each agent use our commands, and how many commands does a session use?
SELECT
    agent,
    count() AS sessions,
    sum(used) AS commands,
    round(avg(used), 1) AS commands_per_session
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['agent_type'] AS agent,
        toUInt32(LogAttributes['command_count']) AS used
    FROM otel_logs
    WHERE EventName = 'agent_session'
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
GROUP BY agent
ORDER BY sessions DESC, agent
