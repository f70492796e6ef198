-- For queries that give their final rows alone. Before the tables, which keep the mode in which they were created.
SET 'execution.runtime-mode' = 'batch';
SET 'sql-client.execution.result-mode' = 'tableau';
