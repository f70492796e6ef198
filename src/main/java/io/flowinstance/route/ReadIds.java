package io.flowinstance.route;

import io.flowinstance.delivery.IdRecord;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.MalformedIdException;
import java.util.function.Function;
import org.apache.camel.Body;

/** The step that reads which instance a record asks for. */
public final class ReadIds implements Function<IdRecord, Object> {
  private final Function<byte[], InstanceQuery> ids;

  /**
   * @param ids reads what the value of an id record asks for; throws a {@link MalformedIdException}
   */
  public ReadIds(Function<byte[], InstanceQuery> ids) {
    this.ids = ids;
  }

  /**
   * What a record asks for. Its key and headers do not affect that.
   *
   * @param value of the record
   * @throws MalformedIdException there is no usable id in it
   */
  public InstanceQuery read(@Body byte[] value) {
    return ids.apply(value);
  }

  /**
   * What keeps its order: records that ask for the same instance on the same behalf.
   *
   * @return null for a record without a usable id
   */
  @Override
  public Object apply(IdRecord idRecord) {
    try {
      InstanceQuery query = read(idRecord.value());
      idRecord.span().asksFor(query.instanceId());
      return query;
    } catch (MalformedIdException e) {
      return null;
    }
  }
}
