-- The latest row of each instance. An older one that comes late does not win.
CREATE VIEW latest_instances AS
SELECT instanceId, flowId, flowName, enrichment, graph, observationId, fetchedAt
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY instanceId ORDER BY version DESC) AS nth
  FROM flow_instances)
WHERE nth = 1;

-- The latest row of each task instance, by the same rule.
CREATE VIEW latest_tasks AS
SELECT taskInstId, taskName, nodeId, status, state, settled, instanceId, orgId, flowInstance, observationId, `index`, taskCount, askedAt, fetchedAt
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY taskInstId ORDER BY version DESC) AS nth
  FROM task_statuses)
WHERE nth = 1;

-- Completeness: the task rows of an observation have all arrived when there are taskCount different indexes. An
-- observationId comes again if the id topic is made anew, with another instance or another fetchedAt.
CREATE VIEW observations AS
SELECT i.observationId, i.instanceId, i.fetchedAt, i.taskCount, COALESCE(t.arrived, 0) AS arrived, COALESCE(t.arrived, 0) = i.taskCount AS complete
FROM (
  SELECT DISTINCT observationId, instanceId, fetchedAt, enrichment.taskCount AS taskCount
  FROM flow_instances) AS i
LEFT JOIN (
  SELECT observationId, instanceId, fetchedAt, COUNT(DISTINCT `index`) AS arrived
  FROM task_statuses
  GROUP BY observationId, instanceId, fetchedAt) AS t
ON i.observationId = t.observationId AND i.instanceId = t.instanceId AND i.fetchedAt = t.fetchedAt;

-- The tasks that each instance has now. A task that left the graph is not in it, but stays in latest_tasks.
CREATE VIEW current_tasks AS
SELECT t.taskInstId, t.taskName, t.nodeId, t.status, t.state, t.settled, t.instanceId, t.orgId, t.flowInstance, t.observationId, t.`index`, t.taskCount, t.askedAt, t.fetchedAt
FROM task_statuses AS t
JOIN latest_instances AS i
ON t.observationId = i.observationId AND t.instanceId = i.instanceId AND t.fetchedAt = i.fetchedAt;

-- Failed task instances per workflow and hour, each counted once an hour. A window is final: a row that comes
-- more than a minute (the watermark) after a later one of its partition may be left out.
CREATE VIEW failures_per_hour AS
SELECT window_start, window_end, flowId, COUNT(DISTINCT taskInstId) AS failures
FROM (
  SELECT window_start, window_end, flowInstance.flowId AS flowId, taskInstId
  FROM TUMBLE(TABLE task_statuses, DESCRIPTOR(eventTime), INTERVAL '1' HOUR)
  WHERE state = 'FAILED')
GROUP BY window_start, window_end, flowId;

-- Dead letters, with what their headers say.
CREATE VIEW dead_letter_reasons AS
SELECT
  CAST(headers['dead-letter-reason'] AS STRING) AS reason,
  CAST(headers['dead-letter-message'] AS STRING) AS message,
  CAST(headers['dead-letter-instance-id'] AS STRING) AS instanceId,
  CAST(headers['dead-letter-user-id'] AS STRING) AS userId,
  CAST(headers['dead-letter-org-id'] AS STRING) AS orgId,
  CAST(headers['dead-letter-http-status'] AS STRING) AS httpStatus,
  CAST(headers['dead-letter-api-code'] AS STRING) AS apiCode,
  CAST(CAST(headers['dead-letter-attempts'] AS STRING) AS INT) AS attempts,
  CAST(CAST(headers['dead-letter-replays'] AS STRING) AS INT) AS replays,
  CAST(headers['dead-letter-left-out'] AS STRING) AS leftOut,
  CAST(headers['dead-letter-topic'] AS STRING) AS topic,
  CAST(CAST(headers['dead-letter-partition'] AS STRING) AS INT) AS recordPartition,
  CAST(CAST(headers['dead-letter-offset'] AS STRING) AS BIGINT) AS recordOffset,
  TO_TIMESTAMP_LTZ(CAST(headers['dead-letter-failed-at'] AS STRING), 'yyyy-MM-dd''T''HH:mm:ss.SSSX') AS failedAt,
  `value`
FROM dead_letters;
