-- One query of each view.

SELECT instanceId, flowName, enrichment.state AS state, enrichment.settled AS settled, enrichment.taskCount AS taskCount, fetchedAt FROM latest_instances;

SELECT instanceId, taskName, state, settled, fetchedAt FROM current_tasks;

SELECT instanceId, observationId, arrived, taskCount, complete FROM observations;

SELECT window_start, flowId, failures FROM failures_per_hour;

SELECT reason, instanceId, attempts, message FROM dead_letter_reasons;
