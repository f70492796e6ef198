package io.flowinstance.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.POJONode;
import com.fasterxml.jackson.databind.node.TreeTraversingParser;
import java.io.IOException;
import java.io.InputStream;

/**
 * The body of an HTTP answer, read as {@link Json#readLenient(byte[])} does. A body that is no JSON
 * is a value too: the HTTP status is read before the body.
 *
 * @param bytes the body as it came; null where there was none
 * @param json what it holds; null when it cannot be read
 * @param fault why it cannot be read, a sentence without its full stop; null when it can
 * @param tooLarge whether it cannot be read because it breaks {@link Json#MAX_TOKENS}
 */
public record JsonBody(byte[] bytes, JsonNode json, String fault, boolean tooLarge) {

  /** Reads a body, which may be null. */
  public static JsonBody of(byte[] bytes) {
    try {
      return new JsonBody(
          bytes, Json.readLenient(bytes == null ? new byte[0] : bytes), null, false);
    } catch (MalformedJsonException e) {
      return new JsonBody(bytes, null, e.getOriginalMessage(), e.isTooLarge());
    }
  }

  /** A mapper that reads any bytes as a {@link JsonBody}, for data formats. */
  public static ObjectMapper mapper() {
    return new ObjectMapper(new BodyFactory());
  }

  /**
   * Gives the whole body as its one token. Jackson's own parsers fail at bytes that are no JSON,
   * and begin to give tokens before they know whether the text has to be restored.
   */
  private static final class BodyFactory extends JsonFactory {
    private static final long serialVersionUID = 1L;

    @Override
    public JsonParser createParser(byte[] bytes) {
      return new TreeTraversingParser(new POJONode(JsonBody.of(bytes)), getCodec());
    }

    @Override
    public JsonParser createParser(InputStream in) throws IOException {
      return createParser(in.readAllBytes());
    }
  }
}
