package io.flowinstance.route;

import io.flowinstance.delivery.IdRecord;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.MalformedIdException;
import org.apache.camel.Body;

/** The step of {@code serve-id} that reads which instance a record asks for. */
public final class ReadId {
  private final String userId;
  private final String orgId;

  /**
   * @param userId the EnOS user where a record names none
   * @param orgId the organization where a record names none
   */
  public ReadId(String userId, String orgId) {
    this.userId = userId;
    this.orgId = orgId;
  }

  /**
   * Reads the record's value; its key and headers steer nothing.
   *
   * @throws MalformedIdException there is no usable id in it
   */
  public InstanceQuery read(@Body IdRecord idRecord) {
    return InstanceQuery.read(idRecord.value()).orElse(userId, orgId);
  }
}
