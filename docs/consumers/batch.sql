-- For queries that give their final rows and end. Before the tables, which keep the mode in which they were created.
SET 'execution.runtime-mode' = 'batch';
SET 'sql-client.execution.result-mode' = 'tableau';
