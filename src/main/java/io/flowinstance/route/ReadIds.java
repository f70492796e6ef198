package io.flowinstance.route;

import io.flowinstance.delivery.IdGroup;
import io.flowinstance.delivery.IdRecord;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.MalformedIdException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.Body;

/** The steps that read which instances the records of a batch ask for. */
public final class ReadIds {
  private final String userId;
  private final String orgId;

  /**
   * @param userId the EnOS user where a record names none
   * @param orgId the organization where a record names none
   */
  public ReadIds(String userId, String orgId) {
    this.userId = userId;
    this.orgId = orgId;
  }

  /**
   * Groups the records by what they ask for, in the order of each first one. A record's key and
   * headers steer nothing. The calls for a group are in the trace of its first record.
   */
  public List<IdGroup> read(@Body List<IdRecord> idRecords) {
    Map<InstanceQuery, IdGroup> byQuery = new LinkedHashMap<>();
    List<IdGroup> groups = new ArrayList<>();
    for (IdRecord idRecord : idRecords) {
      try {
        InstanceQuery query = InstanceQuery.read(idRecord.value()).orElse(userId, orgId);
        idRecord.span().asksFor(query.instanceId());
        List<IdRecord> asking =
            byQuery
                .computeIfAbsent(
                    query,
                    asked -> {
                      IdGroup group = new IdGroup(asked, null, new ArrayList<>());
                      groups.add(group);
                      return group;
                    })
                .records();
        asking.add(idRecord);
        if (asking.size() > 1) {
          idRecord.span().sharesCallsOf(asking.get(0).span());
        }
      } catch (MalformedIdException e) {
        groups.add(new IdGroup(null, e, List.of(idRecord)));
      }
    }
    return groups;
  }

  /**
   * What the records of a group ask for.
   *
   * @throws MalformedIdException there is no usable id in the record
   */
  public InstanceQuery query(@Body IdGroup ids) {
    if (ids.unreadable() != null) {
      throw ids.unreadable();
    }
    return ids.query();
  }
}
