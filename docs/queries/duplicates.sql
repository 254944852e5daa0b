-- How many events arrived more than once?
SELECT
    count() AS events,
    countIf(copies > 1) AS arrived_more_than_once,
    sum(copies) - count() AS copies_too_many
FROM (SELECT LogAttributes['event_id'] AS id, count() AS copies FROM otel_logs GROUP BY id)
