-- The three topics as Flink SQL tables. Flink 2.x, with flink-sql-connector-kafka in its lib folder.
-- A field that is absent from a message is NULL. Fields that are not named here are ignored.

-- The column version needs a zone without summer time.
SET 'table.local-time-zone' = 'UTC';

CREATE TABLE flow_instances (
  instanceId STRING NOT NULL,
  flowId BIGINT,
  flowName STRING,
  freq STRING,
  `cycle` STRING,
  doAs STRING,
  -- an array, an object or a text, as JSON
  parameters STRING,
  graph ROW<
    flows ARRAY<ROW<nodeId STRING, flowId STRING, flowName STRING, flowInstId STRING, status STRING>>,
    relations ARRAY<ROW<`source` STRING, target STRING, cycleGap STRING, rerun BOOLEAN>>,
    tasks ARRAY<ROW<taskInstId STRING, taskId STRING, taskName STRING, nodeId STRING, status STRING, x DOUBLE, y DOUBLE, parameters STRING>>,
    unreadableTasks ARRAY<ROW<`index` INT, `raw` STRING>>>,
  status INT,
  statusDesc STRING,
  triggerTime STRING,
  startTime STRING,
  endTime STRING,
  `timestamp` STRING,
  `virtual` BOOLEAN,
  `owner` STRING,
  alertMode INT,
  calDt STRING,
  enrichment ROW<
    state STRING,
    settled BOOLEAN,
    triggeredAt TIMESTAMP_LTZ(3),
    startedAt TIMESTAMP_LTZ(3),
    endedAt TIMESTAMP_LTZ(3),
    createdAt TIMESTAMP_LTZ(3),
    durationMs BIGINT,
    businessDate DATE,
    timeZone STRING,
    triggerTimeZone STRING,
    owners ARRAY<STRING>,
    taskCount INT,
    unreadableTaskCount INT,
    taskCountByStatus MAP<STRING, INT>,
    taskCountByState MAP<STRING, INT>,
    roots ARRAY<STRING>,
    leaves ARRAY<STRING>,
    userId STRING,
    orgId STRING,
    observationId STRING,
    askedAt TIMESTAMP_LTZ(3),
    fetchedAt TIMESTAMP_LTZ(3)>,
  headers MAP<STRING, BYTES> METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  observationId AS enrichment.observationId,
  fetchedAt AS enrichment.fetchedAt,
  -- Of the rows of one key the greatest version wins: the greatest fetchedAt, then the greatest offset. It is one column
  -- because ORDER BY with two columns gives every row of a key in a streaming query of Flink 2.2 (FLINK-40368).
  version AS CAST(enrichment.fetchedAt AS STRING) || LPAD(CAST(`offset` AS STRING), 19, '0'),
  eventTime AS enrichment.fetchedAt,
  WATERMARK FOR eventTime AS eventTime - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'kafka',
  'topic' = 'flow-instances',
  'properties.bootstrap.servers' = '127.0.0.1:19092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

CREATE TABLE task_statuses (
  taskInstId STRING NOT NULL,
  taskId STRING,
  taskName STRING,
  nodeId STRING,
  status STRING,
  state STRING,
  settled BOOLEAN,
  x DOUBLE,
  y DOUBLE,
  parameters STRING,
  upstream ARRAY<STRING>,
  downstream ARRAY<STRING>,
  `index` INT,
  taskCount INT,
  instanceId STRING,
  orgId STRING,
  observationId STRING,
  flowInstance ROW<
    instanceId STRING,
    flowId BIGINT,
    flowName STRING,
    `cycle` STRING,
    calDt STRING,
    businessDate DATE,
    status INT,
    statusDesc STRING,
    state STRING,
    settled BOOLEAN,
    owners ARRAY<STRING>,
    triggerTime STRING,
    triggeredAt TIMESTAMP_LTZ(3),
    startedAt TIMESTAMP_LTZ(3),
    endedAt TIMESTAMP_LTZ(3)>,
  askedAt TIMESTAMP_LTZ(3),
  fetchedAt TIMESTAMP_LTZ(3),
  headers MAP<STRING, BYTES> METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL,
  version AS CAST(fetchedAt AS STRING) || LPAD(CAST(`offset` AS STRING), 19, '0'),
  eventTime AS fetchedAt,
  WATERMARK FOR eventTime AS eventTime - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'kafka',
  'topic' = 'task-statuses',
  'properties.bootstrap.servers' = '127.0.0.1:19092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json',
  'json.timestamp-format.standard' = 'ISO-8601'
);

-- Key and value are those of the id record, byte for byte; either may be NULL. With a header
-- dead-letter-left-out, the key is the place of the record, and the value may have been left out.
CREATE TABLE dead_letters (
  `key` BYTES,
  `value` BYTES,
  headers MAP<STRING, BYTES> METADATA VIRTUAL,
  `partition` INT METADATA VIRTUAL,
  `offset` BIGINT METADATA VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = 'flow-instance-dead-letters',
  'properties.bootstrap.servers' = '127.0.0.1:19092',
  'properties.isolation.level' = 'read_committed',
  'scan.startup.mode' = 'earliest-offset',
  'key.format' = 'raw',
  'key.fields' = 'key',
  'value.format' = 'raw',
  'value.fields-include' = 'EXCEPT_KEY'
);
