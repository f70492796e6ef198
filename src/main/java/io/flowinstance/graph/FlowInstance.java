package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;

/**
 * One run of a workflow: <em>FlowInstance</em> of <em>Get Flow Instance</em>. Every component but
 * {@code instanceId}, {@code graph} and {@code others} may be null, which means the API did not
 * say.
 *
 * @param instanceId the id of the instance: opaque text
 * @param flowId the id of the workflow
 * @param freq a CronTab expression of seven fields
 * @param cycle the scheduling cycle: M month, W week, D day, H hour, mi minute
 * @param parameters the global parameters of the workflow, unpacked from their text
 * @param doAs the big data account of the organization
 * @param status -1 FAIL, 0 INIT, 1 SUCCESS, 2 RUNNING, 3 SUSPEND, 4 INTERNAL_ERROR, 5 WAIT, 6
 *     READY, 7 TIMEOUT, 8 CANCEL, 9 RERUN, 10 SKIP
 * @param statusDesc the name of the status
 * @param triggerTime the planned start, local time {@code yyyy-MM-dd HH:mm:ss}; its zone may differ
 *     from the others'
 * @param startTime local time {@code yyyy-MM-dd HH:mm:ss}
 * @param endTime local time {@code yyyy-MM-dd HH:mm:ss}
 * @param timestamp when the instance was created, local time {@code yyyy-MM-dd HH:mm:ss.S}
 * @param owner user names, separated by semicolons
 * @param alertMode 0 off, 1 email, 2 SMS, 3 both
 * @param calDt the business date, {@code yyyy-MM-dd}
 * @param others the fields that the documentation does not know, in the API's order
 */
public record FlowInstance(
    String instanceId,
    Long flowId,
    String flowName,
    String freq,
    String cycle,
    JsonNode parameters,
    String doAs,
    InstanceGraph graph,
    Integer status,
    String statusDesc,
    String triggerTime,
    String startTime,
    String endTime,
    String timestamp,
    Boolean virtual,
    String owner,
    Integer alertMode,
    String calDt,
    Boolean hasEditPri,
    Boolean hasReadPri,
    Long id,
    String alertTo,
    String appId,
    @JsonAnyGetter Map<String, JsonNode> others) {}
