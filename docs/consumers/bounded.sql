-- For queries that end with the last row that is on the topics now.
ALTER TABLE flow_instances SET ('scan.bounded.mode' = 'latest-offset');
ALTER TABLE task_statuses SET ('scan.bounded.mode' = 'latest-offset');
ALTER TABLE dead_letters SET ('scan.bounded.mode' = 'latest-offset');
