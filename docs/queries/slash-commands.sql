-- Which slash commands are used, with which agent, and how often?
SELECT command, agent, count() AS times
FROM (
    SELECT DISTINCT
        LogAttributes['event_id'] AS id,
        LogAttributes['agent_type'] AS agent,
        LogAttributes['commands'] AS commands
    FROM otel_logs
    WHERE EventName IN ('cli_command', 'agent_session')
      AND parseDateTime64BestEffort(LogAttributes['timestamp'], 3, 'UTC') > now() - INTERVAL 30 DAY
)
ARRAY JOIN splitByChar(',', commands) AS command
GROUP BY command, agent
ORDER BY times DESC, command, agent
